import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { DASH, figure, interval } from '@/lib/format';

import type { Estimate, RunResult } from './result';

const NAMES: Record<string, string> = {
  prevalence: 'Prevalence alone',
  follow_up_length: 'Length of follow-up alone',
  clinical: 'Clinical covariates (age, sex, RF, anti-CCP, disease duration)',
  doubtful_baseline: 'Doubtful baseline scan alone',
};

interface Row {
  name: string;
  auc: Estimate | null;
  brier: number | null;
  note?: string;
}

function isEstimate(value: unknown): value is Estimate {
  return typeof value === 'object' && value !== null && 'value' in value && 'low' in value;
}

function rowsOf(comparators: Record<string, unknown>): Row[] {
  return Object.entries(comparators).map(([key, raw]) => {
    const entry = (typeof raw === 'object' && raw !== null ? raw : {}) as Record<string, unknown>;
    const inner = (typeof entry.metrics === 'object' && entry.metrics !== null ? entry.metrics : entry) as Record<string, unknown>;
    return {
      name: NAMES[key] ?? key,
      auc: isEstimate(inner.auc) ? inner.auc : null,
      brier: typeof inner.brier === 'number' ? inner.brier : null,
    };
  });
}

/** What the network must beat, fitted on the same training patients. */
export function Comparators({ result }: { result: RunResult }) {
  if (!result.comparators) return null;
  const network: Row = { name: 'This network', auc: result.metrics.auc, brier: result.metrics.brier };
  return (
    <Panel title="Comparators" hint="Trained on the same patients without any image. A network that does not beat them has learned nothing new.">
      <DataTable
        caption="Comparators"
        rows={[network, ...rowsOf(result.comparators)]}
        rowKey={(row) => row.name}
        highlight={(row) => row.name === network.name}
        columns={[
          { key: 'name', header: 'Predictor', render: (row) => row.name },
          { key: 'auc', header: 'AUC', numeric: true, render: (row) => figure(row.auc?.value) },
          { key: 'ci', header: '95 % CI', numeric: true, render: (row) => (row.auc ? interval(row.auc.low, row.auc.high) : DASH) },
          { key: 'brier', header: 'Brier', numeric: true, render: (row) => figure(row.brier) },
        ]}
      />
    </Panel>
  );
}
