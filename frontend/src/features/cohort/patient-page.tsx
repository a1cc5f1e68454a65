import { Anchor, Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { Stat } from '@/components/stat';
import { DASH, dateTime, words } from '@/lib/format';

import { flowQuery, type PatientDetail, patientQuery } from './api';
import { ChoosePair } from './choose-pair';
import { DeidentificationPanel } from './deidentification-panel';
import { SeriesCard } from './series-card';
import { describeReason } from './wording';

export function PatientPage() {
  const { pseudonym = '' } = useParams();
  const patient = useQuery(patientQuery(pseudonym));
  return (
    <>
      <Anchor component={Link} to="/cohort" size="sm">← Cohort</Anchor>
      <QueryView query={patient}>{(data) => <Patient patient={data} />}</QueryView>
    </>
  );
}

function Patient({ patient }: { patient: PatientDetail }) {
  const flow = useQuery(flowQuery);
  const stepLabel = (key: string) => flow.data?.steps.find((step) => step.key === key)?.label ?? words(key);
  const role = (uid: string) =>
    patient.scan_pair?.baseline === uid ? 'Baseline' : patient.scan_pair?.follow_up === uid ? 'Follow-up' : null;
  return (
    <Stack>
      <PageHeader
        title={`Patient ${patient.pseudonym}`}
        badge={
          <Group gap={6}>
            <Badge color={patient.leaves_at ? 'gray' : 'teal'} variant="light">
              {patient.leaves_at ? 'Left the study' : 'Included'}
            </Badge>
            {patient.phantom && <Badge color="gray" variant="outline">Phantom</Badge>}
          </Group>
        }
        description={
          patient.leaves_at
            ? `Leaves at “${stepLabel(patient.leaves_at)}”: ${describeReason(patient.reason ?? '')}.`
            : 'Meets every criterion so far.'
        }
      />
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        <Stat label="Site" value={patient.site || DASH} />
        <Stat label="Sex" value={patient.sex || DASH} />
        <Stat label="Age at baseline" value={patient.age_at_baseline?.toFixed(0) ?? DASH} />
        <Stat label="Exams" value={patient.exams.length} />
      </SimpleGrid>
      {patient.exams.length === 0 && (
        <EmptyState title="No exam is on record">Add this patient’s exams with an exams.csv, or ingest their DICOM.</EmptyState>
      )}
      {patient.exams.map((exam) => (
        <Panel
          key={exam.pseudonym}
          title={`${exam.modality} ${exam.body_part}, ${exam.date}`}
          hint={`Date shifted · exam ${exam.pseudonym} · sagittal T2 by the export: ${exam.sagittal_t2 == null ? 'not stated' : exam.sagittal_t2 ? 'yes' : 'no'}`}
        >
          {exam.series.length === 0 ? (
            <Text size="sm" c="dimmed">No image of this exam has been ingested.</Text>
          ) : (
            <Stack gap="md">
              {exam.series.map((series) => <SeriesCard key={series.series_uid} series={series} role={role(series.series_uid)} />)}
            </Stack>
          )}
        </Panel>
      ))}
      {patient.exams.some((exam) => exam.series.length > 0) && (
        <Group>
          <Text size="sm">{describePair(patient)}</Text>
          <ChoosePair patient={patient} />
        </Group>
      )}
      <Panel title="Exclusions" hint="One at most is the step at which the patient leaves; the others would have held too.">
        <DataTable
          caption="Exclusions"
          rows={patient.exclusions}
          rowKey={(row) => row.step}
          empty="None: no rule, chart review or label excludes this patient."
          columns={[
            { key: 'step', header: 'Step', render: (row) => stepLabel(row.step) },
            { key: 'reason', header: 'Reason', render: (row) => describeReason(row.reason) },
            { key: 'source', header: 'Source', render: (row) => words(row.source) },
            { key: 'note', header: 'Note', render: (row) => row.note || DASH },
            { key: 'leaves', header: 'Leaves here', render: (row) => (row.leaving ? 'Yes' : 'No') },
            { key: 'at', header: 'Recorded', render: (row) => `${dateTime(row.excluded_at)}${row.excluded_by ? ` · ${row.excluded_by}` : ''}` },
          ]}
        />
      </Panel>
      <Panel title="Chart review" hint="Newest last; the newest counts.">
        <DataTable
          caption="Chart reviews"
          rows={patient.chart_reviews}
          rowKey={(row) => row.decided_at}
          empty="No chart review is on record."
          columns={[
            { key: 'decision', header: 'Decision', render: (row) => describeReason(row.decision) },
            { key: 'note', header: 'Note', render: (row) => row.note || DASH },
            { key: 'date', header: 'Shifted date', render: (row) => row.date ?? DASH },
            { key: 'by', header: 'Recorded', render: (row) => `${dateTime(row.decided_at)}${row.decided_by ? ` · ${row.decided_by}` : ''}` },
          ]}
        />
      </Panel>
      <DeidentificationPanel pseudonym={patient.pseudonym} />
    </Stack>
  );
}

function describePair({ scan_pair: pair }: PatientDetail): string {
  if (!pair) return 'No pair of baseline and follow-up: the rule found no two adequate series far enough apart.';
  if (pair.chosen_by) return `Baseline and follow-up were chosen by ${pair.chosen_by}: ${pair.reason}`;
  return 'Baseline and follow-up were chosen by the rule: earliest qualifying exam, last one with an adequate series.';
}
