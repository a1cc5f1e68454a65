import { expect, it } from 'vitest';

import { mergeContent } from './merge-content';
import { complete, type Content, setComment, setValue, toggleKeySlice } from './rubric';

const empty = complete({}, ['baseline', 'follow_up']);
const base: Content = setValue(setValue(empty, 'baseline', 'pannus', 0), 'baseline', 'quality', 'adequate');

it('puts grades, comments and key slices of two tabs together without asking', () => {
  const mine = setComment(setValue(base, 'baseline', 'pannus', 1), 'baseline', 'pannus', 'here');
  const theirs = toggleKeySlice(setValue(base, 'follow_up', 'pannus', 2), 'baseline', 'pannus', 7);
  const merged = mergeContent(base, mine, theirs);
  expect(merged.mine).toEqual(merged.theirs);
  expect(merged.mine.baseline).toMatchObject({ grades: { pannus: 1 }, comments: { pannus: 'here' }, key_slices: { pannus: 7 }, quality: 'adequate' });
  expect(merged.mine.follow_up?.grades).toEqual({ pannus: 2 });
});

it('leaves the one grade open that both changed', () => {
  const mine = setValue(setValue(base, 'baseline', 'pannus', 1), 'follow_up', 'dens_erosion', 1);
  const theirs = setValue(setValue(base, 'baseline', 'pannus', 2), 'follow_up', 'fusion', 1);
  const merged = mergeContent(base, mine, theirs);
  expect(merged.mine.baseline?.grades).toEqual({ pannus: 1 });
  expect(merged.theirs.baseline?.grades).toEqual({ pannus: 2 });
  expect(merged.mine.follow_up).toEqual(merged.theirs.follow_up);
  expect(merged.mine.follow_up?.grades).toEqual({ dens_erosion: 1, fusion: 1 });
});

it('never grades a scan that the other draft calls unreadable', () => {
  const mine = setValue(base, 'baseline', 'dens_erosion', 1);
  const theirs = setValue(base, 'baseline', 'quality', 'unreadable');
  const merged = mergeContent(base, mine, theirs);
  expect(merged.mine.baseline).toMatchObject({ quality: 'adequate', grades: { pannus: 0, dens_erosion: 1 } });
  expect(merged.theirs.baseline).toMatchObject({ quality: 'unreadable', grades: {} });
});

it('does not ask which series is on screen', () => {
  const mine = { ...base, baseline: { ...base.baseline!, series: 1 } };
  const merged = mergeContent(base, mine, { ...base, baseline: { ...base.baseline!, series: 2 } });
  expect(merged.mine).toEqual(merged.theirs);
  expect(merged.mine.baseline?.series).toBe(1);
});
