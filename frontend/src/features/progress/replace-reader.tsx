import { Select, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';

import { ConfirmButton } from '@/components/confirm-button';
import { plural } from '@/lib/format';

import { type Progress, useReplaceReader } from './api';

/** A reader leaves: somebody else of the same role reads what is unsigned. */
export function ReplaceReader({ readers }: { readers: Progress['readers'] }) {
  const [leaving, setLeaving] = useState<string | null>(null);
  const [joining, setJoining] = useState('');
  const [reason, setReason] = useState('');
  const replacing = useReplaceReader();
  return (
    <ConfirmButton
      label="Replace a reader"
      variant="default"
      title="Replace a reader"
      confirmLabel="Replace"
      ready={Boolean(leaving && joining.trim() && reason.trim())}
      pending={replacing.isPending}
      error={replacing.error}
      onConfirm={async () => {
        const done = await replacing.mutateAsync({ leaving: leaving ?? '', joining: joining.trim(), reason: reason.trim() });
        notifications.show({ color: 'teal', message: `${plural(done.cases, 'case')} given to another reader; recorded.` });
        setLeaving(null);
        setJoining('');
        setReason('');
      }}
      explanation={
        <Stack gap="xs">
          <Text size="sm">
            What is signed stays. Unsigned cases go to the other reader as new ones, with new codes and an empty form; open consensus sessions go to the
            neurosurgeon, and the leaving account is closed. The other readers see nothing of it.
          </Text>
          <Select label="Who leaves" data={[...new Set(readers.map((row) => row.username))]} value={leaving} onChange={setLeaving} required />
          <Select
            label="Who reads on"
            description="An active reader of the same role. New accounts are made by an operator."
            data={readers.find((row) => row.username === leaving)?.colleagues ?? []}
            value={joining || null}
            onChange={(value) => setJoining(value ?? '')}
            searchable
            required
          />
          <Textarea label="Reason" value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} required />
        </Stack>
      }
    />
  );
}
