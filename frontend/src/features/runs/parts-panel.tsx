import { Anchor, Progress as Bar, Text } from '@mantine/core';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { DASH, dateTime, duration, figure } from '@/lib/format';

import { isActive, type Run, type RunPart } from './api';
import { progressShare } from './progress-share';
import { RunLog } from './run-log';
import { RunStateBadge } from './run-state';

/** The folds of a cross-validated run, each a job of its own on whatever machine is free. */
export function PartsPanel({ run }: { run: Run }) {
  const [shown, setShown] = useState<string | null>(null);
  if (run.parts.length === 0) return null;
  const repeats = new Set(run.parts.map((part) => part.repeat)).size;
  const left = run.parts_total - run.parts_done;
  const hint = `${run.parts_done} of ${run.parts_total} done. ${
    left ? 'A fold is trained wherever a trainer is free; the run’s figures come when all are done.' : isActive(run.state) ? 'Their scores are being joined.' : ''
  }`;
  return (
    <Panel title="Folds" hint={hint}>
      <DataTable
        caption="Folds of the run"
        minWidth={720}
        rows={run.parts}
        rowKey={(part) => part.key}
        columns={[
          { key: 'name', header: 'Fold', render: (part) => (repeats > 1 ? `Repeat ${part.repeat + 1}, fold ${part.fold + 1}` : `Fold ${part.fold + 1}`) },
          { key: 'state', header: 'State', render: (part) => <RunStateBadge state={part.state} /> },
          { key: 'progress', header: 'Progress', width: 220, render: (part) => <PartProgress part={part} /> },
          { key: 'left', header: 'Left', numeric: true, render: (part) => (part.state === 'running' ? duration(part.progress.eta_s) : DASH) },
          { key: 'device', header: 'Device', render: (part) => part.device || DASH },
          { key: 'attempts', header: 'Attempts', numeric: true, render: (part) => part.attempts },
          { key: 'finished', header: 'Finished', render: (part) => (part.finished_at ? dateTime(part.finished_at) : DASH) },
          {
            key: 'log',
            header: 'Log',
            render: (part) =>
              part.attempts > 0 && (
                <Anchor component="button" type="button" size="xs" aria-expanded={shown === part.key} onClick={() => setShown(shown === part.key ? null : part.key)}>
                  {shown === part.key ? 'hide' : 'show'}
                </Anchor>
              ),
          },
        ]}
      />
      {shown && <RunLog id={run.id} part={shown} active={isActive(run.parts.find((part) => part.key === shown)?.state ?? '')} />}
    </Panel>
  );
}

function PartProgress({ part: { state, progress, error } }: { part: RunPart }) {
  if (state === 'failed') return <Text size="xs" c="red.8" style={{ whiteSpace: 'pre-wrap' }}>{error}</Text>;
  if (state !== 'running') return null;
  const epoch = progress.epochs ? `epoch ${progress.epoch ?? 0} / ${progress.epochs}` : progress.stage ?? 'starting';
  const network = (progress.members ?? 1) > 1 ? `, network ${(progress.members_done ?? 0) + 1} of ${progress.members}` : '';
  return (
    <>
      <Bar value={100 * progressShare(progress)} size="sm" aria-label="Training of this fold" />
      <Text size="xs" c="dimmed">{epoch}{network}{progress.loss == null ? '' : `, loss ${figure(progress.loss)}`}</Text>
    </>
  );
}
