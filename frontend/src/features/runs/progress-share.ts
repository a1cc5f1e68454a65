import type { Progress } from './api';

/** How much of a run's training is done, 0 to 1, over all its networks (folds, repeats, inner folds). */
export function progressShare({ epoch = 0, epochs, members = 1, members_done = 0 }: Progress): number {
  const within = epochs ? epoch / epochs : 0;
  return Math.min(1, (Math.min(members_done, members - 1) + within) / members);
}
