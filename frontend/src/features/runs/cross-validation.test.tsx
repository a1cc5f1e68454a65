import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';

import { Comparators } from './comparators';
import { ConfusionPanel } from './confusion-panel';
import { MetricsTable } from './metrics-table';
import type { RunResult } from './result';
import { Others } from './trust-page';
import { HazardPanel } from './views-panel';

const COUNTS = { tp: 9, fp: 7, tn: 48, fn: 3 };

function show(page: React.ReactNode) {
  return render(<MantineProvider env="test">{page}</MantineProvider>);
}

function panel(perFold: boolean, exploring = false, onThreshold = vi.fn()) {
  show(<ConfusionPanel counts={COUNTS} threshold={exploring ? 0.6 : 0.312} stored={0.312} perFold={perFold} exploring={exploring} onThreshold={onThreshold} cell={null} onCell={vi.fn()} />);
  return onThreshold;
}

it('does not call the mean of the folds’ thresholds the stored one', () => {
  panel(true);
  expect(screen.getByText('Mean threshold of the folds 0.312')).toBeTruthy();
  expect(screen.getByText(/each fold’s own threshold; 0.312 is their mean and was never applied/)).toBeTruthy();
  expect(screen.queryByText(/Stored/)).toBeNull();
});

it('says that the slider takes one threshold for all folds, and goes back to their own', () => {
  const moved = panel(true, true);
  expect(screen.getByRole('status').textContent).toContain('at 0.600, one threshold for all folds');
  fireEvent.click(screen.getByRole('button', { name: 'Back to the folds’ own' }));
  expect(moved).toHaveBeenCalledWith(0.312);
});

it('keeps the stored threshold of a hold-out', () => {
  panel(false);
  expect(screen.getByText('Threshold 0.312')).toBeTruthy();
  expect(screen.getByText('Stored threshold')).toBeTruthy();
});

const METRICS = { auc: { value: 0.71, low: 0.6, high: 0.8 }, table: {}, brier: 0.1 };

it('shows network and comparators within folds', () => {
  const within = { value: 0.731, low: 0.62, high: 0.82 };
  const against = { first: 0.731, second: 0.5, difference: 0.231, low: 0.1, high: 0.3, z: 3, p: 0.003 };
  const result = { metrics: METRICS, auc_within_folds: within, comparators: { prevalence: { ...METRICS, auc: { value: 0.5, low: 0.5, high: 0.5 }, against_network: against } } };
  show(<Comparators result={result as unknown as RunResult} />);
  expect(screen.getByText('AUC within folds')).toBeTruthy();
  expect(screen.getByText('0.731')).toBeTruthy();
  expect(screen.getByText('0.231 (p .003)')).toBeTruthy();
  expect(screen.getByText(/over all folds 0.710/)).toBeTruthy();
});

const HAZARD = {
  fitted_on: 'inner folds', shape: null, horizons: null, score: 1, intercept: 0, brier: 0.1, brier_ci: null, auc: METRICS.auc,
  calibration: { intercept: null, slope: null, observed_expected: 1, ece: 0 },
  against_plain: { first: 0.7, second: 0.7, difference: 0, low: 0, high: 0, z: null, p: 1 }, follow_up: [5, 5, 5, 5, 5],
};

it.each([
  ['one follow-up length cannot tell the shape', {}, /one follow-up length cannot tell how risk grows/],
  ['no horizon lies within the follow-up', { shape: 1.2, horizons: [], follow_up: [5.5, 6, 7, 8, 9] }, /lies within the follow-up seen/],
])('says that %s', (_, change, words) => {
  show(<HazardPanel result={{ hazard: { ...HAZARD, ...change } } as unknown as RunResult} />);
  expect(screen.getByText(words)).toBeTruthy();
  expect(screen.queryByRole('table')).toBeNull();
});

it('does not call the accuracy of the commoner outcome that of always calling negative', () => {
  const metrics = { auc: null, n: 20, positives: 13, prevalence: 0.65, no_information_rate: 0.65, table: {}, mcnemar: { against: 'always negative', b: 9, c: 2, p: 0.07 } };
  show(<MetricsTable metrics={metrics as unknown as RunResult['metrics']} counts={COUNTS} exploring={false} paper={undefined} />);
  expect(screen.getByText(/Always calling “no deformity” would be right in 35.0 %/)).toBeTruthy();
});

const LIKENESS = { between: 'folds', pairs: 12, spearman: 0.7, ssim: 0.5, size: { spearman: 0.7, ssim: 0.5 } };

it.each([
  [{}, 'a network of another fold, which was trained on these patients; the more alike, the more repeatable'],
  [{ trained_on: 9 }, 'a network of another fold, which was trained on 9 of these 12 patients; the more alike, the more repeatable'],
  [{ between: 'seeds' }, 'the more alike, the more repeatable'],
])('says whether the network of the repeatability figure knew the patients: %o', (change, words) => {
  show(<Others tests={{ label_shuffled: null, repeatability: { ...LIKENESS, ...change } } as unknown as React.ComponentProps<typeof Others>['tests']} />);
  expect(screen.getByText(words)).toBeTruthy();
});
