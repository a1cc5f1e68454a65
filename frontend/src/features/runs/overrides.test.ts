import { expect, it } from 'vitest';

import { recipeDifferences } from './compare-runs';
import { parseOverrides } from './overrides';

it('reads values as what they are', () => {
  expect(parseOverrides('epochs=3\n lr = 1e-4 \nflip=false, onnx=No, weights=null\ntrust=none')).toEqual({
    values: { epochs: 3, lr: 0.0001, flip: false, onnx: false, weights: null, trust: 'none' },
    errors: [],
  });
});

it('names what it cannot read, and keeps the rest', () => {
  const { values, errors } = parseOverrides('epochs 3\nsize=\ndepth=18\ndepth=34');
  expect(values).toEqual({ depth: 18 });
  expect(errors).toHaveLength(3);
  expect(errors[0]).toContain('epochs 3');
  expect(errors[2]).toContain('depth is given twice');
});

it('lists the settings in which recipes differ', () => {
  expect(recipeDifferences([{ depth: 18, size: 64, w: null }, { depth: 101, size: 64, w: null }])).toEqual(['depth']);
  expect(recipeDifferences([{ a: 1 }, {}])).toEqual(['a']);
});
