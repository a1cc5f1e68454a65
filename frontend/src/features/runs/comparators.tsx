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
  metrics: Metrics & { against_network?: RunResult['comparators'][string]['against_network'] };
}

/** What the network must beat, fitted on the same training patients. */
export function Comparators({ result }: { result: RunResult }) {
  const network: Row = { name: 'This network', metrics: result.metrics };
  const others = Object.entries(result.comparators).map(([key, metrics]) => ({ name: NAMES[key] ?? words(key), metrics }));
  return (
    <Panel title="Comparators" hint="Trained on the same patients without any image. A network that does not beat them has learned nothing new.">
      <DataTable
        caption="Comparators"
        rows={[network, ...others]}
        rowKey={(row) => row.name}
        highlight={(row) => row.name === network.name}
        columns={[
          { key: 'name', header: 'Predictor', render: (row) => row.name },
          { key: 'auc', header: 'AUC', numeric: true, render: (row) => figure(row.metrics.auc?.value) },
          { key: 'ci', header: '95 % CI', numeric: true, render: (row) => interval(row.metrics.auc?.low, row.metrics.auc?.high) },
          { key: 'against', header: 'Network better by', numeric: true, render: (row) => (row.metrics.against_network ? `${figure(row.metrics.against_network.difference)} (p ${pValue(row.metrics.against_network.p)})` : DASH) },
          { key: 'sens', header: 'Sensitivity', numeric: true, render: (row) => figure(row.metrics.table.sensitivity?.value) },
          { key: 'spec', header: 'Specificity', numeric: true, render: (row) => figure(row.metrics.table.specificity?.value) },
          { key: 'brier', header: 'Brier', numeric: true, render: (row) => figure(row.metrics.brier) },
        ]}
      />
    </Panel>
  );
}
