import { SegmentedControl, Text } from '@mantine/core';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { figure, interval, words } from '@/lib/format';

import type { RunResult } from './result';

/** The result cut by site, sex, age and by how the label came to be. */
export function Groups({ result }: { result: RunResult }) {
  const names = Object.keys(result.groups);
  const [chosen, setChosen] = useState(names[0] ?? '');
  if (names.length === 0) return null;
  return (
    <Panel
      title="Subgroups"
      hint="At the run’s own thresholds. Small groups: read the intervals, not the figures."
      actions={<SegmentedControl size="xs" aria-label="Grouping" value={chosen} onChange={setChosen} data={names.map((name) => ({ value: name, label: words(name) }))} />}
    >
      <DataTable
        caption={`Figures by ${words(chosen).toLowerCase()}`}
        rows={result.groups[chosen] ?? []}
        rowKey={(row) => row.level}
        minWidth={640}
        columns={[
          { key: 'level', header: words(chosen), render: (row) => words(row.level) },
          { key: 'n', header: 'Patients', numeric: true, render: (row) => row.n },
          { key: 'positives', header: 'Deformity', numeric: true, render: (row) => row.positives },
          {
            key: 'auc',
            header: 'AUC (95 % CI)',
            numeric: true,
            render: (row) => (row.auc ? `${figure(row.auc.value)} (${interval(row.auc.low, row.auc.high, 2)})` : <Text size="xs" c="dimmed">one outcome only</Text>),
          },
          { key: 'sens', header: 'Sensitivity', numeric: true, render: (row) => `${figure(row.sensitivity.value)} (${row.sensitivity.k}/${row.sensitivity.n})` },
          { key: 'spec', header: 'Specificity', numeric: true, render: (row) => `${figure(row.specificity.value)} (${row.specificity.k}/${row.specificity.n})` },
        ]}
      />
    </Panel>
  );
}
