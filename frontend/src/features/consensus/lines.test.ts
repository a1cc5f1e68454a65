import { expect, it } from 'vitest';

import { complete, type Finding, setComment, setValue } from '@/components/scoring/rubric';

import { linesOf } from './lines';

const row = (key: string): Finding => ({ key, label: key, help: '', grades: [] });

it('puts differences first and keeps the order of rubric and scans within', () => {
  const scans = [{ key: 'baseline', label: 'Baseline' }, { key: 'follow_up', label: 'Follow-up' }];
  const keys = scans.map(({ key }) => key);
  const same = setValue(complete({}, keys), 'baseline', 'erosion', 0);
  const yours = setValue(same, 'follow_up', 'erosion', 2);
  const theirs = setComment(setValue(same, 'follow_up', 'erosion', 1), 'follow_up', 'erosion', 'only doubtful');
  const lines = linesOf([row('pannus'), row('erosion')], scans, yours, theirs);
  expect(lines.map((line) => [line.scan, line.row.key, line.differs])).toEqual([
    ['follow_up', 'erosion', true],
    ['baseline', 'pannus', false],
    ['follow_up', 'pannus', false],
    ['baseline', 'erosion', false],
  ]);
  expect(lines[0]).toMatchObject({ yours: 2, theirs: 1, comments: [{ who: 'other', text: 'only doubtful' }] });
});
