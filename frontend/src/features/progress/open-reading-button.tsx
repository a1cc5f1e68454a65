import { Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';

import { ConfirmButton } from '@/components/confirm-button';
import { plural } from '@/lib/format';

import { useOpenReading } from './api';

export function OpenReadingButton() {
  const opening = useOpenReading();
  return (
    <ConfirmButton
      label="Open reading"
      variant="default"
      title="Open reading for all eligible patients?"
      confirmLabel="Open reading"
      pending={opening.isPending}
      error={opening.error}
      onConfirm={() =>
        opening.mutateAsync().then(({ cases }) =>
          notifications.show({
            color: 'teal',
            message: cases ? `${plural(cases, 'new case')} given to both observers.` : 'Every eligible patient already is a case: nothing changed.',
          }),
        )
      }
      explanation={
        <Stack gap="xs">
          <Text size="sm">Each eligible patient who is no case yet becomes one and joins both observers’ worklists, in each one’s own random order.</Text>
          <Text size="sm">If no charter is frozen yet, the proposed terms are frozen as version 1. Read them on the charter page first: later changes need a reason.</Text>
        </Stack>
      }
    />
  );
}
