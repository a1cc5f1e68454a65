import { Anchor, Badge, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime, words } from '@/lib/format';

import { flowQuery, type PatientDetail, patientQuery } from './api';
import { ChartFacts, Diagnoses, ExportNotes } from './chart-facts';
import { ChoosePair, RestoreRule } from './choose-pair';
import { DeidentificationPanel } from './deidentification-panel';
import { DecisionForm, useDecision } from './decision-form';
import { ReviewHistory } from './review-history';
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
      <ChartFacts patient={patient} />
      <ExportNotes notes={patient.notes} />
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
        <Panel
          title="Baseline and follow-up"
          hint={describePair(patient)}
          actions={<>{patient.scan_pair?.chosen_by && <RestoreRule patient={patient} />}<ChoosePair patient={patient} /></>}
        >
          <ScanChoices patient={patient} />
        </Panel>
      )}
      <Panel title="Diagnoses"><Diagnoses patient={patient} /></Panel>
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
      <Panel
        title="Chart review"
        hint={patient.reading_since ? `Readers have the scans since ${dateTime(patient.reading_since)}: decisions are no longer taken back.` : 'Newest last. A decision made here outweighs the export’s.'}
        actions={<DecideAnew patient={patient} />}
      >
        <ReviewHistory patient={patient} />
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

/** Who chose the scans by hand, and who let the rule choose again. */
function ScanChoices({ patient }: { patient: PatientDetail }) {
  const names = new Map(patient.exams.flatMap((exam) => exam.series.map((series) => [series.series_uid, exam.date] as const)));
  const exam = (uid: string) => names.get(uid) ?? 'a series no longer here';
  if (patient.scan_choices.length === 0) return <Text size="sm" c="dimmed">Nobody has chosen by hand.</Text>;
  return (
    <DataTable
      caption="Choices of scans"
      rows={patient.scan_choices}
      rowKey={(row) => row.id}
      columns={[
        { key: 'what', header: 'Choice', render: (row) => (row.baseline ? `Exam of ${exam(row.baseline)}, then of ${exam(row.follow_up)}` : 'Back to the rule') },
        { key: 'reason', header: 'Reason', render: (row) => row.reason },
        { key: 'by', header: 'Recorded', render: (row) => `${dateTime(row.chosen_at)} · ${row.chosen_by}` },
      ]}
    />
  );
}

function DecideAnew({ patient }: { patient: PatientDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>{patient.standing_review === null ? 'Decide' : 'Decide anew'}</Button>
      {opened && <DecisionDialog patient={patient} onClose={close} />}
    </>
  );
}

function DecisionDialog({ patient, onClose }: { patient: PatientDetail; onClose: () => void }) {
  const state = useDecision(patient, onClose);
  return (
    <Modal opened onClose={onClose} centered title="Decide on the chart" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DecisionForm state={state} />
    </Modal>
  );
}
