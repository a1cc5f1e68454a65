import { expect, it } from 'vitest';

import { complete, type Content, setSeries, toggleKeySlice } from '@/components/scoring/rubric';

import { KeySliceTurns } from './key-slices';

const empty = complete({}, ['scan']);
const marked = (slice: number, series = 0, content = empty) => toggleKeySlice(setSeries(content, 'scan', series), 'scan', 'pannus', slice);
const slices = (turns: KeySliceTurns, reads: Content[], times: number, row = 'pannus') =>
  Array.from({ length: times }, () => turns.next(reads, 'scan', row));

it('shows the key slices of both reads in turn, yours first', () => {
  const yours = toggleKeySlice(marked(3), 'scan', 'erosion', 5);
  const [mine, theirs] = [{ slice: 3, series: 0 }, { slice: 3, series: 1 }];
  const turns = new KeySliceTurns();
  expect(slices(turns, [yours, marked(3, 1)], 3)).toEqual([mine, theirs, mine]);
  expect(slices(turns, [yours, marked(3, 1)], 1, 'erosion')).toEqual([{ slice: 5, series: 0 }]);
  expect(slices(turns, [yours, marked(3, 1)], 1)).toEqual([mine]); // from the first again
});

it('stays where both marked the same slice, or one did, and has nothing where none did', () => {
  const one = { slice: 7, series: 0 };
  expect(slices(new KeySliceTurns(), [marked(7), marked(7)], 2)).toEqual([one, one]);
  expect(slices(new KeySliceTurns(), [empty, marked(7)], 2)).toEqual([one, one]);
  expect(slices(new KeySliceTurns(), [empty, empty], 2)).toEqual([undefined, undefined]);
});
