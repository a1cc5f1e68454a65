import { expect, it } from 'vitest';

import { type Content, emptyScan } from '@/components/scoring/rubric';
import type { Measurement } from '@/viewer';

import { proposalFor } from './proposal';

const line = (id: string, scan: string, value: number): Measurement => ({
  id, kind: 'mcrae', scan, slice: 7, sop_uid: '', points: [[0, 0, 0], [0, 30, 0], [0, 10, value]], value, proposed_grade: value > 0 ? 1 : 0,
});
const scores = (grade?: number): Content => ({ baseline: { ...emptyScan(), grades: grade === undefined ? {} : { vertical_translocation: grade } } });

it('is what the last line drawn on the scan says', () => {
  const made = [line('a', 'baseline', 2), line('b', 'baseline', -3), line('c', 'follow_up', 4)];
  expect(proposalFor('baseline', scores(), made)).toMatchObject({ grade: 0, answer: 'open', measurement: { id: 'b' } });
  expect(proposalFor('follow_up', scores(), made)).toMatchObject({ grade: 1 });
  expect(proposalFor('baseline', scores(), [])).toBeNull();
});

it('knows whether the grade is the same, not which was there first', () => {
  const made = [line('a', 'baseline', 2)];
  expect(proposalFor('baseline', scores(1), made)?.answer).toBe('agrees');
  expect(proposalFor('baseline', scores(0), made)?.answer).toBe('differs');
});
