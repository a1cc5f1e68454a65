/** result.json as the trainer writes it (modeling/metrics.py is the source of these shapes). */
export type Interval = [number, number];

export interface Estimate {
  value: number;
  low: number;
  high: number;
}

export interface Figure {
  value: number | null;
  k?: number;
  n?: number;
  wilson?: Interval | null;
  clopper_pearson?: Interval | null;
}

export interface Counts {
  tp: number;
  fp: number;
  tn: number;
  fn: number;
}

export interface CurvePoint {
  predicted: number;
  observed: number;
  k: number;
  n: number;
  wilson: Interval;
}

export interface Metrics {
  n: number;
  positives: number;
  auc: Estimate | null;
  auprc: number | null;
  roc: { fpr: number[]; tpr: number[]; thresholds: (number | null)[] } | null;
  pr: { precision: number[]; recall: number[]; thresholds: (number | null)[] } | null;
  threshold: number;
  confusion: Counts;
  table: Record<string, Figure>;
  brier: number;
  calibration: {
    intercept: Estimate | null;
    slope: Estimate | null;
    observed_expected: number | null;
    ece: number;
    curve: CurvePoint[];
  };
  net_benefit: { thresholds: number[]; model: number[]; treat_all: number[]; treat_none: number[] };
  no_information_rate: number;
  mcnemar: { against: string; b: number; c: number; p: number };
}

export interface AtThreshold {
  threshold: number;
  confusion: Counts;
  table: Record<string, Figure>;
}

/** Figures within one level of a grouping, such as one site. */
export interface Group {
  level: string;
  n: number;
  positives: number;
  auc: Estimate | null;
  confusion: Counts;
  sensitivity: Figure;
  specificity: Figure;
}

export interface FoldHistory {
  repeat: number;
  fold: number;
  epochs: { epoch: number; loss: number | null }[];
}

export interface RunResult {
  metrics: Metrics;
  metrics_at_half: AtThreshold;
  metrics_train: Metrics;
  comparators: Record<string, Metrics>;
  groups: Record<string, Group[]>;
  split: { kind: string; seed: number; folds: { train: string[]; test: string[] }[] };
  history: FoldHistory[];
  environment: Record<string, unknown>;
  recipe: Record<string, unknown>;
  manifest_sha256: string;
  study: string;
  intermediate_policy: string;
  device: string;
  seconds: Record<string, number>;
}
