import { Badge, SegmentedControl, Select, SimpleGrid, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { CsvLink } from '@/components/csv-link';
import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, figure, interval, percent, words } from '@/lib/format';

import { type Agreement, agreementOf, type AgreementRow, type Estimate } from './api';
import { DisagreementMatrix } from './disagreement-matrix';

const SCANS = [
  { value: 'all', label: 'Both scans' },
  { value: 'baseline', label: 'Baseline' },
  { value: 'follow_up', label: 'Follow-up' },
];

/** The value, and under it its interval: side by side eight of them would not fit. */
function Interval({ of }: { of: Estimate | null }) {
  if (of?.value == null) return DASH;
  return (
    <>
      {figure(of.value, 2)}
      <Text span display="block" size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{interval(of.low, of.high, 2)}</Text>
    </>
  );
}

/** Agreement of the chosen comparison; its own query, so that choosing another keeps the page. */
export function AgreementPanel() {
  const [comparison, setComparison] = useState('observers');
  const agreement = useQuery({ ...agreementOf(comparison), placeholderData: keepPreviousData });
  return (
    <QueryView query={agreement} label="Computing agreement">
      {(data) => <Figures agreement={data} comparison={comparison} onComparison={setComparison} />}
    </QueryView>
  );
}

interface FiguresProps {
  agreement: Agreement;
  comparison: string;
  onComparison: (key: string) => void;
}

function Figures({ agreement, comparison, onComparison }: FiguresProps) {
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
  const within = comparison.startsWith('same:');
  return (
    <Stack>
      <Panel
        title={within ? 'Agreement of an observer with their own re-reads' : 'Agreement between the observers'}
        hint={`${agreement.n_cases} cases with both reads signed. 95 % intervals by bootstrap over patients.`}
        actions={
          <>
            {agreement.comparisons.length > 1 && (
              <Select
                size="xs"
                w={250}
                aria-label="Comparison"
                data={agreement.comparisons.map(({ key, label, n_cases: n }) => ({ value: key, label: `${label} (${n})` }))}
                value={comparison}
                onChange={(value) => value && onComparison(value)}
                allowDeselect={false}
              />
            )}
            <SegmentedControl size="xs" aria-label="Scan" data={SCANS} value={scan} onChange={setScan} />
            <CsvLink name="agreement" label="agreement" />
          </>
        }
      >
        <DataTable<AgreementRow>
          caption="Agreement by finding"
          rows={rows}
          rowKey={(row) => row.finding}
          minWidth={1080}
          highlight={(row) => row.finding === 'category'}
          columns={[
            { key: 'finding', header: 'Finding', render: (row) => row.label },
            { key: 'n', header: 'Scans', numeric: true, render: (row) => row.n },
            { key: 'raw', header: 'Agree', numeric: true, render: (row) => <Text span size="sm" style={{ whiteSpace: 'nowrap' }}>{percent(row.percent_agreement.value, 1)}</Text> },
            { key: 'kappa', header: 'κ', numeric: true, render: (row) => <Interval of={row.kappa} /> },
            { key: 'linear', header: 'κ linear', numeric: true, render: (row) => <Interval of={row.kappa_linear} /> },
            { key: 'weighted', header: 'κ quadratic', numeric: true, render: (row) => <Interval of={row.kappa_weighted} /> },
            { key: 'ac1', header: 'AC1', numeric: true, render: (row) => <Interval of={row.ac1} /> },
            { key: 'ac2', header: 'AC2', numeric: true, render: (row) => <Interval of={row.ac2} /> },
            { key: 'alpha', header: 'α', numeric: true, render: (row) => <Interval of={row.alpha_ordinal ?? row.alpha} /> },
            { key: 'pabak', header: 'PABAK', numeric: true, render: (row) => <Interval of={row.pabak} /> },
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
                    <Badge color="orange" variant="light" miw="max-content" tabIndex={0}>Prevalence</Badge>
                  </Tooltip>
                ),
            },
          ]}
        />
        <Text size="xs" c="dimmed" mt="xs">
          κ: Cohen, unweighted, with linear and quadratic weights for ordered grades. AC1 and AC2 (quadratic): Gwet. α: Krippendorff, ordinal for ordered grades. PABAK: prevalence- and
          bias-adjusted κ. Few events make κ unstable; the interval says how much.
        </Text>
      </Panel>
      {shown && (
        <Panel
          title="Where they differ"
          actions={
            <>
            <CsvLink name="agreement-counts" label="the tables of counts" />
            <Select
              size="xs"
              aria-label="Finding"
              data={rows.map((row) => ({ value: row.finding, label: row.label }))}
              value={shown.finding}
              onChange={(value) => value && setFinding(value)}
              allowDeselect={false}
            />
            </>
          }
        >
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <DisagreementMatrix table={shown.table} title={`${shown.label}: observers against each other`} />
            <DataTable
              caption={`${shown.label}: each grade against all others`}
              rows={shown.grades}
              rowKey={(row) => String(row.grade)}
              columns={[
                { key: 'grade', header: 'Grade', render: (row) => words(String(row.grade)) },
                { key: 'used', header: 'Given', numeric: true, render: (row) => row.used.join(' / ') },
                { key: 'agreement', header: 'Agree when given', numeric: true, render: (row) => percent(row.agreement.value, 1) },
                { key: 'kappa', header: 'κ', numeric: true, render: (row) => <Interval of={row.kappa} /> },
              ]}
            />
          </SimpleGrid>
        </Panel>
      )}
    </Stack>
  );
}
