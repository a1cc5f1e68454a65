import { expect, it } from 'vitest';

import { progressShare } from './progress-share';

it('counts epochs of one network, and networks of a cross-validation', () => {
  expect(progressShare({})).toBe(0);
  expect(progressShare({ epoch: 5, epochs: 10 })).toBe(0.5);
  expect(progressShare({ epoch: 5, epochs: 10, members: 4, members_done: 1 })).toBe(0.375);
  expect(progressShare({ epoch: 10, epochs: 10, members: 4, members_done: 4 })).toBe(1);
});
