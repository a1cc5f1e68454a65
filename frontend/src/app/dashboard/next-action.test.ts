import { describe, expect, it } from 'vitest';

import { nextAction, type StudyState } from './next-action';

const study: StudyState = {
  identified: 60, included: 40, cases: { final: 34, awaiting_reads: 6 }, labels: 68,
  labelSet: { frozenAt: '2026-01-02T00:00:00Z' }, newestLabel: '2026-01-01T00:00:00Z', leadReview: 0, quarantined: 0,
  run: { id: 1, state: 'succeeded' },
};

describe('nextAction', () => {
  it('starts with the import', () => {
    expect(nextAction({ ...study, identified: 0, cases: {}, run: null })?.to).toBe('/cohort/import');
  });
  it('puts decisions only the lead can make before waiting', () => {
    expect(nextAction({ ...study, leadReview: 2 })?.to).toBe('/progress');
    expect(nextAction({ ...study, quarantined: 1 })?.to).toBe('/cohort/import');
  });
  it('asks to freeze once every case is final and something is new', () => {
    const done = { ...study, cases: { final: 39, closed: 1 }, newestLabel: '2026-01-03T00:00:00Z' };
    expect(nextAction(done)?.to).toBe('/labels');
    expect(nextAction({ ...done, labelSet: null, run: null })?.to).toBe('/labels');
    expect(nextAction({ ...done, newestLabel: '2026-01-01T00:00:00Z' })?.to).toBe('/runs/1');
  });
  it('shows a failed and a running run', () => {
    expect(nextAction({ ...study, run: { id: 7, state: 'failed' } })?.text).toMatch(/failed/);
    expect(nextAction({ ...study, run: { id: 7, state: 'running' } })?.to).toBe('/runs/7');
  });
  it('otherwise points at the reading that is open', () => {
    expect(nextAction(study)?.text).toBe('6 of 40 cases are still being read or settled.');
  });
});
