import { expect, it } from 'vitest';

import { threeWay } from './three-way';

it('takes what only one side changed, added or took away', () => {
  const merged = threeWay({ a: 1, b: 1, c: 1, d: 1 }, { a: 2, b: 1, d: 1, mine: 1 }, { a: 1, b: 3, c: 1, theirs: 1 });
  expect(merged).toEqual({ mine: { a: 2, b: 3, mine: 1, theirs: 1 }, theirs: { a: 2, b: 3, mine: 1, theirs: 1 }, clashes: [] });
});

it('leaves open what both changed, each to something else', () => {
  const merged = threeWay({ a: 1, b: 1, c: 1 }, { a: 2, b: 2, c: 3 }, { a: 3, c: 3 });
  expect(merged).toEqual({ mine: { a: 2, b: 2, c: 3 }, theirs: { a: 3, c: 3 }, clashes: ['a', 'b'] });
});

it('compares fields as wholes, whatever the order of their keys', () => {
  const merged = threeWay({ m: { x: 1, y: 1 } }, { m: { y: 1, x: 2 } }, { m: { x: 1, y: 2 } });
  expect(merged.clashes).toEqual(['m']);
  expect(threeWay({}, { m: { x: 1, y: 1 } }, { m: { y: 1, x: 1 } }).clashes).toEqual([]);
});
