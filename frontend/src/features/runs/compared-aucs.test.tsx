import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { expect, it } from 'vitest';

import { pairsQuery, type Run, runQuery, runsQuery } from './api';
import { alike, basisOf } from './aucs';
import { CompareRuns } from './compare-runs';
import { AdjudicationPanel } from './what-if';

const estimate = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });
const METRICS = { auc: estimate(0.71), n: 20, positives: 8, brier: 0.1, threshold: 0.5, table: {}, roc: null };

function run(id: number, change: Record<string, unknown> = {}, tested: string[][] = [['a', 'b'], ['c']]): Run {
  const split = { folds: tested.map((test, fold) => ({ repeat: 0, fold, test })) };
  return {
    id, label_set: 1, profile: 'paper', state: 'succeeded', recipe: { label_source: 'final' }, auc: estimate(0.71), auc_within_folds: estimate(0.731),
    result: { metrics: METRICS, manifest_sha256: 'm', split }, ...change,
  } as unknown as Run;
}

function pair(change: Record<string, unknown>) {
  return { first: 1, second: 2, n: 20, positives: 8, auc: { first: 0.7, second: 0.6, difference: 0.1, low: -0.1, high: 0.3, z: 1, p: 0.3 }, mcnemar: null, ...change };
}

function show(page: React.ReactNode, runs: Run[], found: ReturnType<typeof pair>) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  client.setQueryData(runsQuery.queryKey, runs);
  client.setQueryData(pairsQuery(runs.map((one) => one.id)).queryKey, [found] as never);
  for (const one of runs) client.setQueryData(runQuery(one.id).queryKey, one);
  render(<MantineProvider env="test"><QueryClientProvider client={client}><MemoryRouter>{page}</MemoryRouter></QueryClientProvider></MantineProvider>);
}

it('takes AUCs within folds only where every finished run has them', () => {
  const both = { auc: estimate(0.7), auc_within_folds: estimate(0.75) };
  const older = { auc: estimate(0.6), auc_within_folds: null };
  expect(alike([both, undefined, { auc: null, auc_within_folds: null }]).of(both)?.value).toBe(0.75);
  expect(alike([both, older])).toMatchObject({ within: false });
  expect(alike([both, older]).of(both)?.value).toBe(0.7);
});

it('says what a pair ranks a patient among', () => {
  expect(basisOf({ auc_basis: 'one_network', pooled_because: null })).toBe('');
  expect(basisOf({ auc_basis: 'pooled', pooled_because: 'their test folds differ' })).toBe('pooled over folds: their test folds differ');
});

it('compares labels within folds and says so', () => {
  const final = run(1);
  const observer = run(2, { recipe: { label_source: 'reader_1' }, auc_within_folds: estimate(0.64) });
  show(<AdjudicationPanel run={final} />, [final, observer], pair({ auc_basis: 'within_folds', pooled_because: null }));
  expect(screen.getByText('AUC within folds (95 % CI)')).toBeTruthy();
  expect(screen.getByText('0.640 (0.54 to 0.74)')).toBeTruthy();
  expect(screen.getByText('within folds')).toBeTruthy();
});

it('says of compared runs why their folds were pooled', () => {
  show(<CompareRuns ids={[1, 2]} />, [run(1), run(2)], pair({ auc_basis: 'pooled', pooled_because: 'their test folds differ' }));
  expect(screen.getByText('pooled over folds: their test folds differ')).toBeTruthy();
  expect(screen.getByText('AUC within folds')).toBeTruthy();
});

it.each([
  ['the same patients in other folds', [['c', 'a'], ['b']], 'm', 'Same label set and test patients.'],
  ['a hold-out’s patients', [['a', 'b']], 'm', /^Same label set, but other test patients, so the figures are not like for like/],
  ['another label set', [['a', 'b'], ['c']], 'n', /^Different label sets/],
])('says whether figures are like for like: %s', (_, tested, manifest_sha256, words) => {
  const other = run(2, {}, tested);
  Object.assign(other.result as object, { manifest_sha256 });
  show(<CompareRuns ids={[1, 2]} />, [run(1), other], pair({ auc_basis: 'one_network', pooled_because: null }));
  expect(screen.getByText(words)).toBeTruthy();
});
