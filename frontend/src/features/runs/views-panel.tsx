import { SimpleGrid, Table, Text } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { DASH, figure, interval, pValue, words } from '@/lib/format';


import { pairsOf, type RunResult } from './result';

type Hazard = NonNullable<RunResult['hazard']>;

const POLICIES = [['negative', 'Negative (the paper’s)'], ['exclude', 'Left out'], ['positive', 'Positive']] as const;

/** The same scores, judged three ways. */
export function Policies({ result }: { result: RunResult }) {
  const rows = POLICIES.map(([key, name]) => ({ key, name, found: result.intermediate_policies[key] }));
  return (
    <Panel title="An intermediate follow-up counts as …" hint={result.intermediate_policy === 'exclude' ? 'The charter leaves intermediate follow-ups out: none was scored, so the other two policies cannot be told from this run.' : 'The same scores and thresholds, judged under each policy; the network was trained under the marked one.'}>
      <DataTable
        caption="Figures under each policy for an intermediate follow-up"
        rows={rows}
        rowKey={(row) => row.key}
        highlight={(row) => row.key === result.intermediate_policy}
        columns={[
          { key: 'policy', header: 'Policy', render: (row) => row.name },
          { key: 'n', header: 'Patients', numeric: true, render: (row) => row.found?.n ?? DASH },
          { key: 'positives', header: 'Deformity', numeric: true, render: (row) => row.found?.positives ?? DASH },
          { key: 'auc', header: 'AUC (95 % CI)', numeric: true, render: (row) => (row.found?.auc ? `${figure(row.found.auc.value)} (${interval(row.found.auc.low, row.found.auc.high, 2)})` : DASH) },
          { key: 'sens', header: 'Sensitivity', numeric: true, render: (row) => figure(row.found?.table.sensitivity?.value) },
          { key: 'spec', header: 'Specificity', numeric: true, render: (row) => figure(row.found?.table.specificity?.value) },
          { key: 'ppv', header: 'PPV', numeric: true, render: (row) => figure(row.found?.table.ppv?.value) },
          { key: 'brier', header: 'Brier', numeric: true, render: (row) => figure(row.found?.brier) },
        ]}
      />
    </Panel>
  );
}

/** Observers' own labels against the final ones: what no network can be shown to beat. */
export function ReaderCeiling({ result }: { result: RunResult }) {
  const readers = result.readers;
  if (!readers || readers.rows.length === 0) return null;
  const { agreement } = readers;
  const shown = (row: { value: number | null; k?: number; n?: number }) => `${figure(row.value)} (${row.k}/${row.n})`;
  return (
    <Panel
      title="Ceiling: one observer alone"
      hint="Each observer’s own read of the follow-up scan, judged by the final label, on the test patients. Labels cannot show a network to be better than they are reproducible; triangles in the ROC chart."
    >
      <DataTable
        caption="One observer's labels judged by the final ones, by how the final label came to be"
        rows={readers.rows}
        rowKey={(row) => `${row.reader} ${row.provenance}`}
        highlight={(row) => row.provenance === 'all'}
        columns={[
          { key: 'reader', header: 'Observer', render: (row) => `Observer ${row.reader}` },
          { key: 'provenance', header: 'Final labels', render: (row) => words(row.provenance) },
          { key: 'n', header: 'Patients', numeric: true, render: (row) => row.n },
          { key: 'sens', header: 'Sensitivity', numeric: true, render: (row) => shown(row.sensitivity) },
          { key: 'spec', header: 'Specificity', numeric: true, render: (row) => shown(row.specificity) },
          { key: 'acc', header: 'Accuracy', numeric: true, render: (row) => shown(row.accuracy) },
        ]}
      />
      {agreement && (
        <Text size="xs" c="dimmed" mt="xs">
          {pairsOf(readers.people)} The two observers agree in {agreement.agree} of {agreement.n} ({interval(agreement.wilson[0], agreement.wilson[1], 2)}), κ {figure(agreement.kappa, 2)}.
        </Text>
      )}
    </Panel>
  );
}

export function HazardPanel({ result }: { result: RunResult }) {
  if (result.hazard === undefined) return null;
  return (
    <Panel
      title="Hazard view"
      hint="Patients may be followed for different times. P(deformity | score f, follow-up C) = 1 − exp(−exp(a + b·f + k·log C)), judged at each patient’s own C. Two scans say whether, not when: no time-dependent AUC."
    >
      {result.hazard ? <HazardFigures hazard={result.hazard} within={result.auc_within_folds != null} /> : <Text size="sm">No hazard model could be fitted: too few patients of one outcome.</Text>}
    </Panel>
  );
}

function HazardFigures({ hazard, within }: { hazard: Hazard; within: boolean }) {
  const { auc, calibration, against_plain: against, follow_up: times } = hazard;
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 4 }} mb="sm">
        <Stat label={within ? 'AUC at own follow-up, within folds' : 'AUC at own follow-up'} value={figure(auc.value)} hint={`95 % CI ${interval(auc.low, auc.high, 2)}`} />
        <Stat label="Against the plain score" value={`${against.difference >= 0 ? '+' : '−'}${figure(Math.abs(against.difference))}`} hint={`paired p ${pValue(against.p)}`} />
        <Stat label="Shape k" value={figure(hazard.shape, 2)} hint={hazard.shape == null ? 'not told by one follow-up length' : '1 is a constant hazard'} />
        <Stat label="Calibration slope" value={figure(calibration.slope?.value, 2)} hint={`Brier ${figure(hazard.brier)}`} />
      </SimpleGrid>
      <Horizons rows={hazard.horizons} />
      <Text size="xs" c="dimmed" mt="xs">
        Fitted on {hazard.fitted_on}. Follow-up {figure(times[0], 1)} to {figure(times[4], 1)} years, median {figure(times[2], 1)}.
      </Text>
    </>
  );
}

function Horizons({ rows }: { rows: Hazard['horizons'] }) {
  if (!rows) return <Text size="sm">All patients were followed for about the same time: one follow-up length cannot tell how risk grows with time.</Text>;
  if (rows.length === 0) return <Text size="sm">None of the usual horizons (3, 5 and 10 years) lies within the follow-up seen.</Text>;
  return (
    <Table aria-label="Predicted risk of the test patients by horizon" verticalSpacing={3} className="tabular" maw={460}>
      <Table.Thead><Table.Tr><Table.Th scope="col">Horizon</Table.Th><Table.Th scope="col" ta="right">Median risk</Table.Th><Table.Th scope="col" ta="right">Quartiles</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.years}>
            <Table.Td>{row.years} years</Table.Td>
            <Table.Td ta="right">{figure(row.median)}</Table.Td>
            <Table.Td ta="right">{interval(row.q1, row.q3)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
