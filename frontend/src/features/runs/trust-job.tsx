import { Alert, Button, Group, Progress as Bar, Stack, Text } from '@mantine/core';

import { ErrorNotice } from '@/components/error-notice';
import { words } from '@/lib/format';

import { isActive, type Trust, useMakeTrust } from './api';

/** Asks for the trust report of a run that has none, or once more, and shows how far it is. */
export function TrustJob({ run, trust: { job, report } }: { run: number; trust: Trust }) {
  const make = useMakeTrust(run);
  if (job && isActive(job.state)) {
    const { stage, done = 0, total } = job.progress;
    const waiting = job.state === 'queued';
    return (
      <Stack gap={4} role="status">
        <Text size="sm">
          {waiting ? 'The trust report waits for a trainer.' : `The trust report is being made: ${words(stage ?? 'starting').toLowerCase()}${total ? `, step ${done + 1} of ${total}` : ''}.`}
        </Text>
        <Bar value={total ? (100 * done) / total : 0} animated={!waiting} size="sm" aria-label="Trust report" />
      </Stack>
    );
  }
  return (
    <Stack gap="xs">
      {job?.state === 'failed' && (
        <Alert color="red" variant="light" title="The trust report could not be made">
          <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>{job.error}</Text>
        </Alert>
      )}
      {make.error && <ErrorNotice error={make.error} title="Not asked for" />}
      <Group gap="xs">
        <Button size="xs" variant={report ? 'default' : 'filled'} loading={make.isPending} onClick={() => make.mutate()}>
          {report ? 'Make the trust report again' : 'Make the trust report'}
        </Button>
        <Text size="xs" c="dimmed">By the trainer, on the run’s own test patients; minutes on a processor.</Text>
      </Group>
    </Stack>
  );
}
