import { Alert, Group, Progress as Bar, SimpleGrid, Stack, Text } from '@mantine/core';

import { ConfirmButton } from '@/components/confirm-button';
import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { dateTime, duration, figure, words } from '@/lib/format';

import { isActive, type Run, useRetry } from './api';
import { LossChart } from './more-charts';
import { PartsPanel } from './parts-panel';
import { runShare } from './progress-share';
import { RunLog } from './run-log';

/** Queued, running, failed or cancelled: what the trainer last said. */
export function RunLive({ run }: { run: Run }) {
  const { progress } = run;
  const active = isActive(run.state);
  const share = 100 * runShare(run);
  const fold = run.parts.length > 0 && progress.fold !== undefined ? ` of fold ${progress.fold + 1}, as last reported` : '';
  return (
    <Stack>
      {run.state === 'failed' && (
        <Alert color="red" title="The run failed" role="alert">
          <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>{run.error || 'The trainer gave no reason; see the log.'}</Text>
          <Group mt="sm"><Retry run={run} /></Group>
        </Alert>
      )}
      {run.state === 'cancelled' && (
        <Alert color="gray" title="Cancelled">Nothing of this run is published. Launch another with the same recipe and seed to get the same result.</Alert>
      )}
      {run.state === 'queued' && (
        <Alert color="blue" variant="light" title="Waiting for a trainer">
          Queued {dateTime(run.created_at)}. It starts as soon as the trainer on the gpu queue is free; this page follows by itself.
        </Alert>
      )}
      {(run.state === 'running' || (progress.history?.length ?? 0) > 0) && (
        <Panel title={active ? `Training${fold}` : 'How far it came'}>
          <Stack>
            <SimpleGrid cols={{ base: 2, sm: 5 }}>
              <Stat
                label="Stage"
                value={words(progress.stage ?? 'starting')}
                hint={progress.total ? `${progress.done ?? 0} of ${progress.total}` : undefined}
              />
              <Stat
                label="Epoch"
                value={progress.epochs ? `${progress.epoch ?? 0} / ${progress.epochs}` : '–'}
                hint={(progress.members ?? 1) > 1 && `network ${(progress.members_done ?? 0) + 1} of ${progress.members}`}
              />
              <Stat label="Training loss" value={figure(progress.loss)} />
              <Stat label="Left" value={active && !fold ? duration(progress.eta_s) : '–'} />
              <Stat label="Device" value={run.device || progress.device || '–'} />
            </SimpleGrid>
            {active && <Bar value={share} animated aria-label="The whole run" />}
            {(progress.history?.length ?? 0) > 0 && <LossChart history={progress.history ?? []} epochs={progress.epochs ?? undefined} />}
          </Stack>
        </Panel>
      )}
      <PartsPanel run={run} />
      <RunLog id={run.id} active={active} />
    </Stack>
  );
}

function Retry({ run }: { run: Run }) {
  const retry = useRetry();
  const kept = run.parts_total ? `The ${run.parts_done} of ${run.parts_total} folds that are done are kept; the others are trained again.` : 'Training goes on from its last checkpoint, if there is one.';
  return (
    <ConfirmButton
      label="Try again"
      size="xs"
      variant="default"
      title={`Try run ${run.id} again?`}
      confirmLabel="Try again"
      pending={retry.isPending}
      error={retry.error}
      onConfirm={() => retry.mutateAsync(run.id)}
      explanation={<Text size="sm">Label set, recipe and seed stay as they are. {kept}</Text>}
    />
  );
}
