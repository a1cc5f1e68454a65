import { Button, Group, Modal, Select, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';

import { ErrorNotice } from '@/components/error-notice';

import { type PatientDetail, useChooseScanPair } from './api';
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
