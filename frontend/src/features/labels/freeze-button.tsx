import { List, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconLock } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import { ConfirmButton } from '@/components/confirm-button';

import { useFreeze } from './api';

/** Freezing is the lead's act; the server makes the label set and queues the run in one go. */
export function FreezeButton({ labels, disabled }: { labels: number; disabled?: boolean }) {
  const [name, setName] = useState('');
  const freeze = useFreeze();
  const navigate = useNavigate();
  return (
    <ConfirmButton
      label="Freeze labels"
      title="Freeze the final labels?"
      leftSection={<IconLock size={16} aria-hidden />}
      disabled={disabled}
      confirmLabel="Freeze and train"
      pending={freeze.isPending}
      error={freeze.error}
      onConfirm={() =>
        freeze.mutateAsync(name.trim()).then(({ run, label_set }) => {
          const queued = run?.state === 'queued';
          notifications.show({
            color: 'teal',
            message: queued
              ? `Label set of ${label_set.patients} patients frozen; its run is queued.`
              : 'Nothing has changed since this label set was frozen; here it is.',
          });
          void navigate(run ? `/runs/${run.id}` : `/label-sets/${label_set.id}`);
        })
      }
      explanation={
        <Stack gap="sm">
          <Text size="sm">{labels} final labels are on record. Freezing will:</Text>
          <List size="sm" spacing={4}>
            <List.Item>write a manifest of every patient whose scans have final labels and who stays in the study, and name it by its SHA-256;</List.Item>
            <List.Item>queue a training run on it at once, with the default profile – you are taken to its page;</List.Item>
            <List.Item>leave the live labels as they are: later cases go into the next label set.</List.Item>
          </List>
          <Text size="sm">A label set can never be changed or deleted. If nothing has changed since the last one, no second one is made.</Text>
          <TextInput
            label="Name (optional)"
            placeholder="e.g. first reading round"
            maxLength={120}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </Stack>
      }
    />
  );
}
