import { Grid, Table, Text } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';

import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { PageLoader } from '@/components/page-loader';
import { Panel } from '@/components/panel';
import { DASH, figure, interval, pValue } from '@/lib/format';

import { pairsQuery, type Run, runQuery } from './api';
import { basisOf } from './aucs';
import { say } from './provenance';
import type { RunResult } from './result';
import { RocOverlay } from './roc-chart';

type Finished = Run & { result: RunResult };

const FIGURES = [['sensitivity', 'Sensitivity'], ['specificity', 'Specificity'], ['ppv', 'PPV'], ['npv', 'NPV'], ['accuracy', 'Accuracy'], ['f1', 'F1']] as const;

/** Recipe settings that are not the same in all runs. */
export function recipeDifferences(recipes: readonly Record<string, unknown>[]): string[] {
  const keys = [...new Set(recipes.flatMap((recipe) => Object.keys(recipe)))];
  return keys.filter((key) => new Set(recipes.map((recipe) => JSON.stringify(recipe[key]))).size > 1);
}

/** Whether the figures of runs are of the same patients with the same outcomes. */
function likeness(results: readonly RunResult[]): string {
  const different = (of: (result: RunResult) => string) => new Set(results.map(of)).size > 1;
  if (different((result) => result.manifest_sha256)) return 'Different label sets: the test patients differ, so the figures are not like for like.';
  const tested = ({ split }: RunResult) => [...new Set(split.folds.flatMap((fold) => fold.test))].sort().join();
  if (different(tested)) return 'Same label set, but other test patients, so the figures are not like for like; the paired tests below are of those that both tested.';
  return 'Same label set and test patients.';
}

export function CompareRuns({ ids }: { ids: readonly number[] }) {
  const queries = useQueries({ queries: ids.map((id) => runQuery(id)) });
  const failed = queries.find((query) => query.isError);
  if (failed) return <ErrorNotice error={failed.error} />;
  if (queries.some((query) => query.isPending)) return <PageLoader label="Loading runs" />;
  const runs = queries.flatMap((query) => (query.data?.result ? [query.data as Finished] : []));
  if (runs.length < 2) return null;
  const row = (name: string, render: (run: Finished) => string) => (
    <Table.Tr key={name}>
      <Table.Th scope="row" fw={500}>{name}</Table.Th>
      {runs.map((run) => <Table.Td key={run.id}>{render(run)}</Table.Td>)}
    </Table.Tr>
  );
  return (
    <Panel title="Comparison" hint={likeness(runs.map((run) => run.result))}>
      <Grid>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <RocOverlay runs={runs.map((run) => ({ name: `Run ${run.id}`, metrics: run.result.metrics }))} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Table.ScrollContainer type="native" minWidth={420}>
            <Table aria-label="Comparison of runs" verticalSpacing={3} className="tabular">
              <Table.Thead>
                <Table.Tr><Table.Td />{runs.map((run) => <Table.Th key={run.id} scope="col">Run {run.id}</Table.Th>)}</Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {row('AUC (95 % CI)', ({ result: { metrics: { auc } } }) => (auc ? `${figure(auc.value)} (${interval(auc.low, auc.high, 2)})` : DASH))}
                {runs.some((run) => run.auc_within_folds) && row('AUC within folds', ({ auc_within_folds: auc }) => (auc ? `${figure(auc.value)} (${interval(auc.low, auc.high, 2)})` : DASH))}
                {FIGURES.map(([key, name]) => row(name, (run) => figure(run.result.metrics.table[key]?.value)))}
                {row('Brier', (run) => figure(run.result.metrics.brier))}
                {row('Threshold', ({ result }) => `${figure(result.metrics.threshold)}${result.split.folds.length > 1 ? ' (mean of the folds’ own)' : ''}`)}
                {row('Test patients', (run) => `${run.result.metrics.n} (${run.result.metrics.positives} positive)`)}
                {row('Label set', (run) => String(run.label_set))}
                {recipeDifferences(runs.map((run) => run.recipe)).map((key) => row(key, (run) => say(run.recipe[key])))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Text size="xs" c="dimmed">Only settings that differ are listed.</Text>
          <Pairs ids={runs.map((run) => run.id)} />
        </Grid.Col>
      </Grid>
    </Panel>
  );
}

/** Every two runs on the patients that both tested. */
function Pairs({ ids }: { ids: readonly number[] }) {
  const pairs = useQuery(pairsQuery(ids));
  if (!pairs.data?.length) return null;
  return (
    <DataTable
      caption="Paired tests"
      rows={pairs.data}
      rowKey={(row) => `${row.first} ${row.second}`}
      columns={[
        { key: 'pair', header: 'Paired', render: (row) => `Run ${row.first} − run ${row.second}` },
        { key: 'n', header: 'Patients in both', numeric: true, render: (row) => `${row.n} (${row.positives} positive)` },
        { key: 'auc', header: 'AUC difference (DeLong)', numeric: true, render: (row) => (row.auc ? <>{`${figure(row.auc.difference)} (${interval(row.auc.low, row.auc.high, 2)}), p ${pValue(row.auc.p)}`}<Text size="xs" c="dimmed">{basisOf(row)}</Text></> : DASH) },
        { key: 'mcnemar', header: 'Calls (exact McNemar)', numeric: true, render: (row) => (row.mcnemar ? `${row.mcnemar.b} : ${row.mcnemar.c}, p ${pValue(row.mcnemar.p)}` : DASH) },
      ]}
    />
  );
}
