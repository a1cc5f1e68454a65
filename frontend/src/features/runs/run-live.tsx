import { Alert, Code, Progress as Bar, ScrollArea, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { dateTime, duration, figure, words } from '@/lib/format';

import { isActive, logQuery, type Run } from './api';
import { LossChart } from './more-charts';
import { progressShare } from './progress-share';

/** Queued, running, failed or cancelled: what the trainer last said. */
export function RunLive({ run }: { run: Run }) {
  const { progress } = run;
  const active = isActive(run.state);
  const share = 100 * progressShare(progress);
  return (
    <Stack>
      {run.state === 'failed' && (
        <Alert color="red" title="The run failed" role="alert">
          <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>{run.error || 'The trainer gave no reason; see the log.'}</Text>
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
        <Panel title={active ? 'Training' : 'How far it came'}>
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
              <Stat label="Left" value={active ? duration(progress.eta_s) : '–'} />
              <Stat label="Device" value={run.device || progress.device || '–'} />
            </SimpleGrid>
            {active && <Bar value={share} animated aria-label="The whole run" />}
            {(progress.history?.length ?? 0) > 0 && <LossChart history={progress.history ?? []} epochs={progress.epochs ?? undefined} />}
          </Stack>
        </Panel>
      )}
      <RunLog id={run.id} active={active} />
    </Stack>
  );
}

export function RunLog({ id, active }: { id: number; active: boolean }) {
  const log = useQuery({ ...logQuery(id), refetchInterval: active ? 5_000 : false });
  if (!log.data) return null;
  return (
    <Panel title="Log">
      <ScrollArea.Autosize mah={280} viewportProps={{ tabIndex: 0, 'aria-label': 'Log of the run' }}>
        <Code block>{log.data}</Code>
      </ScrollArea.Autosize>
    </Panel>
  );
}
