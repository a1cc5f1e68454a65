import { Text } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { DASH, figure, interval, pValue, words } from '@/lib/format';

import type { Metrics, RunResult } from './result';

const NAMES: Record<string, string> = {
  prevalence: 'Prevalence alone',
  follow_up_length: 'Length of follow-up alone',
  clinical: 'Clinical covariates (age, sex, RF, anti-CCP, disease duration)',
  doubtful_baseline: 'Doubtful baseline scan alone',
};

interface Row {
  name: string;
  auc: Metrics['auc'];
  metrics: Pick<Metrics, 'table' | 'brier'> & Pick<RunResult['comparators'][string], 'against_network'>;
}

/** What the network must beat, fitted on the same training patients. */
export function Comparators({ result }: { result: RunResult }) {
  const within = result.auc_within_folds;
  const network: Row = { name: 'This network', auc: within ?? result.metrics.auc, metrics: result.metrics };
  const others = Object.entries(result.comparators).map(([key, metrics]) => ({ name: NAMES[key] ?? words(key), auc: metrics.auc, metrics }));
  return (
    <Panel title="Comparators" hint="Trained on the same patients without any image. A network that does not beat them has learned nothing new.">
      <DataTable
        caption="Comparators"
        rows={[network, ...others]}
        rowKey={(row) => row.name}
        highlight={(row) => row.name === network.name}
        columns={[
          { key: 'name', header: 'Predictor', render: (row) => row.name },
          { key: 'auc', header: within ? 'AUC within folds' : 'AUC', numeric: true, render: (row) => figure(row.auc?.value) },
          { key: 'ci', header: '95 % CI', numeric: true, render: (row) => interval(row.auc?.low, row.auc?.high) },
          { key: 'against', header: 'Network better by', numeric: true, render: (row) => (row.metrics.against_network ? `${figure(row.metrics.against_network.difference)} (p ${pValue(row.metrics.against_network.p)})` : DASH) },
          { key: 'sens', header: 'Sensitivity', numeric: true, render: (row) => figure(row.metrics.table.sensitivity?.value) },
          { key: 'spec', header: 'Specificity', numeric: true, render: (row) => figure(row.metrics.table.specificity?.value) },
          { key: 'brier', header: 'Brier', numeric: true, render: (row) => figure(row.metrics.brier) },
        ]}
      />
      {within && (
        <Text size="xs" c="dimmed" mt="xs">
          AUCs here rank each patient among those of its own fold, the network’s too ({figure(within.value)}; over all folds {figure(result.metrics.auc?.value)}):
          folds differ in the level of their scores, and in one list a predictor that knows nothing falls below .5.
        </Text>
      )}
    </Panel>
  );
}
