import { expect, it } from 'vitest';

import { describeContent } from './describe-content';
import { complete, EXCLUSION, type Finding, setComment, setExclusionText, setValue } from './rubric';

const grade = (value: number) => ({ value, label: `Grade ${value}`, description: '', shortcut: String(value) });
const rows: Finding[] = [{ key: 'pannus', label: 'Pannus', help: '', grades: [0, 1, 2].map(grade) }];
const scans = [{ key: 'baseline', label: 'Baseline' }, { key: 'follow_up', label: 'Follow-up' }];
const base = complete({}, scans.map(({ key }) => key));

it('names each grade that differs, with both, and texts without their words', () => {
  const mine = setComment(setValue(base, 'baseline', 'pannus', 1), 'follow_up', 'pannus', 'small');
  const theirs = setExclusionText(setValue(setValue(base, 'baseline', 'pannus', 2), 'follow_up', EXCLUSION, 'other'), 'follow_up', 'fusion');
  expect(describeContent(mine, theirs, rows, scans)).toEqual([
    'Baseline, Pannus: Grade 1 here, Grade 2 there',
    'Follow-up: the reason to exclude, in words',
    'Follow-up: comments',
  ]);
  expect(describeContent(mine, mine, rows, scans)).toEqual([]);
});
