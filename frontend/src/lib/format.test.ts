import { expect, it } from 'vitest';

import { duration, figure, interval, percent, plural, pValue } from './format';

it('prints figures with a real minus and no negative zero', () => {
  expect(figure(0.8512)).toBe('0.851');
  expect(figure(-0.25, 2)).toBe('−0.25');
  expect(figure(-0.0001, 2)).toBe('0.00');
  expect(figure(null)).toBe('–');
  expect(figure(Number.NaN)).toBe('–');
});

it('prints shares, intervals, p-values and times', () => {
  expect(percent(0.853, 1)).toBe('85.3 %');
  expect(interval(0.1, 0.9, 2)).toBe('0.10 to 0.90');
  expect(interval(null, 0.9)).toBe('–');
  expect([pValue(0.0004), pValue(0.0432), pValue(0.5)]).toEqual(['< .001', '.043', '.50']);
  expect([duration(42), duration(95), duration(7260)]).toEqual(['42 s', '1 min 35 s', '2 h 1 min']);
  expect([plural(1, 'file'), plural(1200, 'file')]).toEqual(['1 file', '1,200 files']);
});
