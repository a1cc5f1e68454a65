import { Alert, Button, Group, Modal, Select, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';

import { ErrorNotice } from '@/components/error-notice';

import { type PatientDetail, useChooseScanPair, useRestoreScanRule } from './api';
import { seriesName } from './wording';

/** The lead's own choice of baseline and follow-up; the rule then leaves this patient's pair alone. */
export function ChoosePair({ patient }: { patient: PatientDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>Choose the scans by hand</Button>
      {opened && <PairDialog patient={patient} onClose={close} />}
    </>
  );
}

/** Takes the lead's choice back; shown where there is one. */
export function RestoreRule({ patient }: { patient: PatientDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>Back to the rule</Button>
      {opened && <RuleDialog patient={patient} onClose={close} />}
    </>
  );
}

function RuleDialog({ patient, onClose }: { patient: PatientDetail; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const restore = useRestoreScanRule(patient.pseudonym);
  return (
    <Modal opened onClose={onClose} centered title="Let the rule choose again" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm">The earliest cervical MRI becomes the baseline, the last far enough with an adequate series the follow-up. Your choice stays in the history.</Text>
        {patient.reading_since && <BeingRead />}
        <Textarea label="Reason" required value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} />
        {restore.isError && <ErrorNotice error={restore.error} title="Not changed" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button disabled={!reason.trim()} loading={restore.isPending} onClick={() => restore.mutate({ reason: reason.trim() }, { onSuccess: onClose })}>
            Back to the rule
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function BeingRead() {
  return (
    <Alert color="orange" p="xs">
      <Text size="sm">Readers have this patient’s scans already. Labels of other scans than the chosen ones do not count.</Text>
    </Alert>
  );
}

function PairDialog({ patient, onClose }: { patient: PatientDetail; onClose: () => void }) {
  const [baseline, setBaseline] = useState(patient.scan_pair?.baseline ?? null);
  const [followUp, setFollowUp] = useState(patient.scan_pair?.follow_up ?? null);
  const [reason, setReason] = useState('');
  const choose = useChooseScanPair(patient.pseudonym);
  const options = patient.exams.flatMap((exam) =>
    exam.series
      .filter((series) => series.state === 'accepted')
      .map((series) => ({
        value: series.series_uid,
        label: `${exam.date} – ${seriesName(series)}, ${series.slices} slices`,
      })),
  );
  const ready = baseline && followUp && baseline !== followUp && reason.trim();
  return (
    <Modal opened onClose={onClose} centered title="Choose baseline and follow-up" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm">Your choice stands from now on, also when new exams arrive. It is recorded with your name and the reason.</Text>
        {patient.reading_since && <BeingRead />}
        <Select label="Baseline" data={options} value={baseline} onChange={setBaseline} />
        <Select
          label="Follow-up"
          data={options}
          value={followUp}
          onChange={setFollowUp}
          error={baseline && baseline === followUp ? 'Baseline and follow-up must be two series.' : undefined}
        />
        <Textarea label="Reason" required value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} />
        {choose.isError && <ErrorNotice error={choose.error} title="Not changed" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button
            disabled={!ready}
            loading={choose.isPending}
            onClick={() =>
              ready && choose.mutate({ baseline, follow_up: followUp, reason: reason.trim() }, { onSuccess: onClose })
            }
          >
            Use these scans
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
