import { expect, it } from 'vitest';

import { heatCells } from './heat-map';

it('shades agreement and disagreement each against its own fullest cell', () => {
  const cells = heatCells(['clean', 'case'], [[40, 2], [4, 10]]);
  expect(cells.map((line) => line.map((cell) => cell.weight))).toEqual([[1, 0.5], [1, 0.25]]);
  expect(cells[0]?.[1]).toMatchObject({ row: 'clean', column: 'case', n: 2, agrees: false });
});

it('draws an empty table without dividing by nothing', () => {
  expect(heatCells(['a', 'b'], [[0, 0], [0, 0]]).flat().every((cell) => cell.weight === 0)).toBe(true);
});
