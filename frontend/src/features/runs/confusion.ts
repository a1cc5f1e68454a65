import type { Cell } from './api';
import type { Counts, Figure, Interval } from './result';

export interface Scored {
  outcome: number;
  score: number;
}

/** Called positive when `score >= threshold`, as the server does (modeling/metrics.py). */
export function cellOf({ outcome, score }: Scored, threshold: number): Cell {
  if (score >= threshold) return outcome ? 'TP' : 'FP';
  return outcome ? 'FN' : 'TN';
}

export function countsAt(rows: readonly Scored[], threshold: number): Counts {
  const counts: Counts = { tp: 0, fp: 0, tn: 0, fn: 0 };
  for (const row of rows) counts[cellOf(row, threshold).toLowerCase() as keyof Counts] += 1;
  return counts;
}

const Z = 1.959963984540054;

/** Wilson 95 % interval of k successes in n (Wilson, JASA 1927;22:209). */
export function wilson(k: number, n: number): Interval | null {
  if (n === 0) return null;
  const p = k / n;
  const centre = p + (Z * Z) / (2 * n);
  const half = Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return [k === 0 ? 0 : (centre - half) / scale, k === n ? 1 : (centre + half) / scale];
}

const share = (k: number, n: number): Figure => ({ value: n ? k / n : null, k, n, wilson: wilson(k, n) });

/** The figures that follow from four counts; the same formulae as table_from_counts on the server. */
export function figuresOf({ tp, fp, tn, fn }: Counts): Record<string, Figure> {
  const margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return {
    sensitivity: share(tp, tp + fn),
    specificity: share(tn, tn + fp),
    ppv: share(tp, tp + fp),
    npv: share(tn, tn + fn),
    accuracy: share(tp + tn, tp + fp + tn + fn),
    f1: { value: tp + fp + fn ? (2 * tp) / (2 * tp + fp + fn) : null },
    mcc: { value: margins ? (tp * tn - fp * fn) / Math.sqrt(margins) : null },
  };
}

/** Where these counts lie on the ROC and PR curves. */
export function operatingPoint(counts: Counts): { fpr: number | null; tpr: number | null; precision: number | null } {
  const divide = (k: number, n: number) => (n ? k / n : null);
  return {
    fpr: divide(counts.fp, counts.fp + counts.tn),
    tpr: divide(counts.tp, counts.tp + counts.fn),
    precision: divide(counts.tp, counts.tp + counts.fp),
  };
}
