import { Badge, Group, SegmentedControl, Select, SimpleGrid, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { Panel } from '@/components/panel';
import { DASH, figure, interval, percent } from '@/lib/format';

import type { Agreement, AgreementRow, Estimate } from './api';
import { DisagreementMatrix } from './disagreement-matrix';

const SCANS = [
  { value: 'all', label: 'Both scans' },
  { value: 'baseline', label: 'Baseline' },
  { value: 'follow_up', label: 'Follow-up' },
];

export const withInterval = (estimate: Estimate | null) =>
  estimate?.value == null ? DASH : `${figure(estimate.value, 2)} (${interval(estimate.low, estimate.high, 2)})`;


export function AgreementPanel({ agreement }: { agreement: Agreement }) {
  const [scan, setScan] = useState('all');
  const [finding, setFinding] = useState('category');
  const rows = agreement.by.filter((row) => row.scan === scan);
  const shown = rows.find((row) => row.finding === finding) ?? rows[0];
  if (agreement.n_cases === 0) {
    return (
      <Panel title="Agreement between the observers">
        <EmptyState title="No case has two signed reads yet">Agreement appears as soon as both observers have signed the same case.</EmptyState>
      </Panel>
    );
  }
  return (
    <Stack>
      <Panel
        title="Agreement between the observers"
        hint={`${agreement.n_cases} cases with both reads signed. 95 % intervals by bootstrap over patients.`}
        actions={<SegmentedControl size="xs" aria-label="Scan" data={SCANS} value={scan} onChange={setScan} />}
      >
        <DataTable<AgreementRow>
          caption="Agreement by finding"
          rows={rows}
          rowKey={(row) => row.finding}
          minWidth={760}
          highlight={(row) => row.finding === 'category'}
          columns={[
            { key: 'finding', header: 'Finding', render: (row) => row.label },
            { key: 'n', header: 'Scans', numeric: true, render: (row) => row.n },
            { key: 'raw', header: 'Agree', numeric: true, render: (row) => percent(row.percent_agreement.value, 1) },
            { key: 'kappa', header: 'κ (95 % CI)', numeric: true, render: (row) => withInterval(row.kappa) },
            { key: 'weighted', header: 'Weighted κ', numeric: true, render: (row) => withInterval(row.kappa_weighted) },
            { key: 'ac1', header: 'AC1 (95 % CI)', numeric: true, render: (row) => withInterval(row.ac1) },
            {
              key: 'warning',
              header: <VisuallyHidden>Remark</VisuallyHidden>,
              render: (row) =>
                row.prevalence_warning && (
                  <Tooltip
                    multiline
                    w={280}
                    label="Nearly all scans fall in one grade: κ is low although the observers agree. Read AC1 beside it."
                  >
                    <Badge color="orange" variant="light" tabIndex={0}>Prevalence</Badge>
                  </Tooltip>
                ),
            },
          ]}
        />
        <Text size="xs" c="dimmed" mt="xs">
          κ: Cohen, unweighted; weighted only for ordered grades. AC1: Gwet. Few events make κ unstable; the interval says how much.
        </Text>
      </Panel>
      {shown && (
        <Panel
          title="Where they differ"
          actions={
            <Select
              size="xs"
              aria-label="Finding"
              data={rows.map((row) => ({ value: row.finding, label: row.label }))}
              value={shown.finding}
              onChange={(value) => value && setFinding(value)}
              allowDeselect={false}
            />
          }
        >
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <DisagreementMatrix table={shown.table} title={`${shown.label}: observers against each other`} />
            <Group align="center">
              <Text size="sm">
                {shown.label}: {percent(shown.percent_agreement.value, 1)} of {shown.n} scans alike, κ {withInterval(shown.kappa)}.
              </Text>
            </Group>
          </SimpleGrid>
        </Panel>
      )}
    </Stack>
  );
}
