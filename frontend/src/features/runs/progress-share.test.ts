import { expect, it } from 'vitest';

import type { RunPart } from './api';
import { progressShare, runShare } from './progress-share';

it('counts epochs of one network, and networks of a cross-validation', () => {
  expect(progressShare({})).toBe(0);
  expect(progressShare({ epoch: 5, epochs: 10 })).toBe(0.5);
  expect(progressShare({ epoch: 5, epochs: 10, members: 4, members_done: 1 })).toBe(0.375);
  expect(progressShare({ epoch: 10, epochs: 10, members: 4, members_done: 4 })).toBe(1);
});

it('counts the folds of a run, whichever of them reported last', () => {
  const part = (state: RunPart['state'], epoch = 0): RunPart => ({ key: 'r0-f0', repeat: 0, fold: 0, state, progress: { epoch, epochs: 10 }, device: '', error: '', attempts: 1, started_at: null, finished_at: null });
  const progress = { epoch: 10, epochs: 10 };
  expect(runShare({ parts: [], progress })).toBe(1);
  expect(runShare({ parts: [part('succeeded'), part('running', 5), part('queued'), part('failed', 9)], progress })).toBe(0.375);
});
