import { Alert, Button, Group, Text } from '@mantine/core';

import { messageOf } from '@/lib/errors';

import type { SeriesFailure } from './use-scans';

/** Which series could not be put on screen and why; what was there before stays. */
export function SeriesNotice({ failure, onAgain }: { failure: SeriesFailure; onAgain: (scan: string, series: number) => void }) {
  const { scan, label, series, error } = failure;
  return (
    <Alert color="red" variant="filled" radius={0} role="alert" py={6} title={`Series ${series + 1} of ${label} cannot be shown`}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{messageOf(error)} The series shown before is still here.</Text>
        <Button size="compact-sm" variant="default" onClick={() => onAgain(scan, series)}>
          Try again
        </Button>
      </Group>
    </Alert>
  );
}
