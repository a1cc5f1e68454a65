/** AUCs of several runs side by side: of one kind, and saying which. */
import type { RunPair, RunRow } from './api';

type Aucs = Pick<RunRow, 'auc' | 'auc_within_folds'>;

/** Within folds where every finished run has it; else over all test patients of each. */
export function alike(runs: readonly (Aucs | undefined)[]) {
  const finished = runs.filter((run) => run?.auc);
  const within = finished.length > 0 && finished.every((run) => run?.auc_within_folds);
  return { within, of: (run: Aucs | undefined) => (within ? run?.auc_within_folds : run?.auc) ?? null };
}

/** Among whom a pair's AUCs rank each patient; nothing to say of one network each. */
export function basisOf(pair: Pick<RunPair, 'auc_basis' | 'pooled_because'>): string {
  if (pair.auc_basis === 'within_folds') return 'within folds';
  return pair.auc_basis === 'pooled' ? `pooled over folds: ${pair.pooled_because ?? 'not told'}` : '';
}
