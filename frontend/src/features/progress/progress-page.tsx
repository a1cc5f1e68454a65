import { Group, Progress as Bar, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { DataTable } from '@/components/data-table';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { Stat } from '@/components/stat';
import { percent, words } from '@/lib/format';

import { CsvLink } from '@/components/csv-link';

import { AgreementPanel } from './agreement-panel';
import { monitoringQuery, type Progress, progressQuery } from './api';
import { LeadReview } from './lead-review';
import { MonitoringPanels } from './monitoring-panel';
import { OpenReadingButton } from './open-reading-button';
import { ReplaceReader } from './replace-reader';

export function ProgressPage() {
  const progress = useQuery({ ...progressQuery, refetchInterval: 30_000 });
  const monitoring = useQuery(monitoringQuery);
  return (
    <>
      <PageHeader title="Progress" description="Reads, agreement and disputes. Only the lead sees this; readers see nothing of one another." actions={<Group gap="xs"><ReplaceReader readers={progress.data?.readers ?? []} /><OpenReadingButton /></Group>} />
      <Stack>
        <QueryView query={progress}>{(data) => <Reading progress={data} />}</QueryView>
        <LeadReview />
        <AgreementPanel />
        <QueryView query={monitoring} label="Computing the monitoring">{(data) => <MonitoringPanels monitoring={data} />}</QueryView>
      </Stack>
    </>
  );
}

function Reading({ progress }: { progress: Progress }) {
  const total = Object.values(progress.cases).reduce((sum, n) => sum + n, 0);
  return (
    <Panel title="Reading" actions={<CsvLink name="readers" label="reads by reader" />}>
      <Stack>
        <SimpleGrid cols={{ base: 2, sm: 5 }}>
          <Stat label="Cases" value={total} hint={`${progress.cases.final ?? 0} final`} />
          <Stat label="Discrepant" value={progress.discrepant} hint="of the cases read twice" />
          <Stat label="In consensus" value={progress.consensus_open} hint="open now" />
          <Stat label="With the neurosurgeon" value={progress.adjudication_open} hint="open now" />
          <Stat label="Adjudication rate" value={percent(progress.adjudication_rate, 1)} hint="20–40 % is usual in trials" />
        </SimpleGrid>
        <DataTable
          caption="Reads by reader"
          rows={progress.readers}
          rowKey={(row) => `${row.username}-${row.role}`}
          empty="Nobody has been given cases yet. “Open reading” gives every eligible patient to both observers."
          columns={[
            { key: 'reader', header: 'Reader', render: (row) => row.username },
            { key: 'role', header: 'Role', render: (row) => (row.role === 'adjudicator' ? 'Neurosurgeon' : words(row.role)) },
            { key: 'assigned', header: 'Assigned', numeric: true, render: (row) => row.assigned },
            { key: 'draft', header: 'Drafts', numeric: true, render: (row) => row.draft },
            { key: 'signed', header: 'Signed', numeric: true, render: (row) => row.signed },
            {
              key: 'bar',
              header: 'Done',
              width: '34%',
              render: (row) => (
                <Bar.Root size="lg">
                  <Bar.Section
                    value={row.assigned ? (100 * row.signed) / row.assigned : 0}
                    aria-label={`${row.username}: ${row.signed} of ${row.assigned} signed`}
                  >
                    {row.signed > 0 && <Bar.Label>{percent(row.signed / row.assigned)}</Bar.Label>}
                  </Bar.Section>
                </Bar.Root>
              ),
            },
          ]}
        />
        <Text size="xs" c="dimmed">
          The neurosurgeon’s list also holds concordant cases mixed in as a control, so it is longer than the list of disputes; the
          observers’ lists hold their re-reads.
        </Text>
      </Stack>
    </Panel>
  );
}
