import { Button, Group, Kbd, Radio, Stack, Textarea } from '@mantine/core';
import { type RefObject, useState } from 'react';

import { ErrorNotice } from '@/components/error-notice';

import { type Decision, type PatientDetail, useDecideChart } from './api';
import { DECISIONS } from './decisions';

/** A decision on one chart, as it is being made. */
export function useDecision(patient: PatientDetail, onRecorded: () => void) {
  const [decision, choose] = useState<Decision | null>(null);
  const [note, setNote] = useState('');
  const sending = useDecideChart();
  // Readers who have the scans already make every change need a reason.
  const needsNote = decision === 'other' || patient.reading_since !== null;
  const ready = decision !== null && (!needsNote || note.trim() !== '') && !sending.isPending;
  const record = () => {
    if (decision === null || !ready) return;
    sending.mutate(
      { pseudonym: patient.pseudonym, decision, note: note.trim(), seen: patient.standing_review },
      { onSuccess: onRecorded },
    );
  };
  return { decision, choose, note, setNote, needsNote, ready, record, pending: sending.isPending, error: sending.error };
}

interface Props {
  state: ReturnType<typeof useDecision>;
  noteRef?: RefObject<HTMLTextAreaElement | null>;
  /** Shows the keys; only where they work. */
  keys?: boolean;
}

export function DecisionForm({ state, noteRef, keys = false }: Props) {
  return (
    <Stack gap="sm">
      <Radio.Group
        aria-label="Decision"
        value={state.decision}
        onChange={state.choose}
      >
        <Stack gap={6} mt={4}>
          {DECISIONS.map(({ key, decision, label }) => (
            <Radio
              key={decision}
              value={decision}
              label={<Group gap={8} wrap="nowrap">{keys && <Kbd size="xs" aria-hidden>{key}</Kbd>}<span>{label}</span></Group>}
            />
          ))}
        </Stack>
      </Radio.Group>
      <Textarea
        ref={noteRef}
        label={<>Note{keys && <Kbd size="xs" ml={6} aria-hidden>N</Kbd>}</>}
        aria-label="Note"
        withAsterisk={state.needsNote}
        description={state.needsNote ? 'Needed: what it is, or why it changes now.' : 'What the chart says. No names: notes stay as typed.'}
        value={state.note}
        onChange={(event) => state.setNote(event.currentTarget.value)}
        maxLength={4000}
        autosize
        minRows={2}
        maxRows={6}
      />
      {state.error != null && <ErrorNotice error={state.error} title="Not recorded" />}
      <Button onClick={state.record} disabled={!state.ready} loading={state.pending} rightSection={keys && <Kbd size="xs" aria-hidden>Enter</Kbd>}>
        Record the decision
      </Button>
    </Stack>
  );
}
