import { expect, it } from 'vitest';

import { cusumPoints, indexBars, timePoints } from './monitoring';

const step = (total: number) => ({ at: '2026-01-01T00:00:00Z', kind: 'reread' as const, between: 20, wrong: total > 0, total, alarm: false });

it('puts readers with different numbers of re-reads on one axis', () => {
  const drift = [
    { reader: 'a', threshold: 5.3, expected: 0.1, unacceptable: 0.3, points: [step(1.1), step(0.8)] },
    { reader: 'b', threshold: 5.3, expected: 0.1, unacceptable: 0.3, points: [step(0)] },
  ];
  expect(cusumPoints(drift)).toEqual([{ number: 1, a: 1.1, b: 0 }, { number: 2, a: 0.8 }]);
  expect(cusumPoints([])).toEqual([]);
});

it('draws no bar without a read', () => {
  const index = { k: 1, n: 10, value: 0.1, low: 0.02, high: 0.4 };
  const bars = indexBars([
    { reader: 'a', index, adjudicated: 1, p: 1 },
    { reader: 'b', index: { ...index, value: null, low: null, high: null }, adjudicated: 0, p: null },
  ]);
  expect(bars.map((bar) => bar.reader)).toEqual(['a']);
  expect(bars[0]?.error[1]).toBeCloseTo(0.3);
});

it('numbers reads in the order of signing', () => {
  const points = [{ at: '', seconds: 90, again: false }, { at: '', seconds: 60, again: true }];
  expect(timePoints({ reader: 'a', n: 2, median: 75, q1: 67, q3: 82, points }).map((point) => point.number)).toEqual([1, 2]);
});
