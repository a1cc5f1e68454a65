import type { Progress, Run } from './api';

/** How much of a run's training is done, 0 to 1, over all its networks (folds, repeats, inner folds). */
export function progressShare({ epoch = 0, epochs, members = 1, members_done = 0 }: Progress): number {
  const within = epochs ? epoch / epochs : 0;
  return Math.min(1, (Math.min(members_done, members - 1) + within) / members);
}

/** The same over a run's folds, each a job of its own; of a run without folds, of the run itself. */
export function runShare({ parts, progress }: Pick<Run, 'parts' | 'progress'>): number {
  if (parts.length === 0) return progressShare(progress);
  const shares = parts.map((part) => (part.state === 'succeeded' ? 1 : part.state === 'running' ? progressShare(part.progress) : 0));
  return shares.reduce((sum, share) => sum + share, 0) / parts.length;
}
