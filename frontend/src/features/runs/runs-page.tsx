import { Anchor, Button, Checkbox, Group, Progress as Bar, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';

import { type Column, DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime, duration, figure, interval } from '@/lib/format';

import { isActive, type RunRow, runsQuery } from './api';
import { CompareRuns } from './compare-runs';
import { LaunchDialog } from './launch-form';
import { progressShare } from './progress-share';
import { RunStateBadge } from './run-state';

export function RunsPage() {
  const runs = useQuery(runsQuery);
  const [params, setParams] = useSearchParams();
  const launching = params.get('launch');
  const chosen = (params.get('compare') ?? '').split(',').map(Number).filter(Boolean);
  const set = (key: string, value: string | null) =>
    setParams((current) => {
      if (value) current.set(key, value);
      else current.delete(key);
      return current;
    }, { preventScrollReset: true });
  const toggle = (id: number) =>
    set('compare', (chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]).join(','));

  return (
    <>
      <PageHeader
        title="Runs"
        description="Each run trains on one frozen label set and is published whole or not at all."
        actions={
          <>
            <Button variant="default" component={Link} to="/runs/published">Check a published table</Button>
            <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => set('launch', 'new')}>Launch a run</Button>
          </>
        }
      />
      <Stack>
        <QueryView query={runs}>
          {(data) => (
            <Panel title="All runs" hint="Tick two or more finished runs to compare them.">
              <DataTable
                caption="Runs"
                columns={columns(chosen, toggle)}
                rows={data}
                rowKey={(row) => row.id}
                minWidth={840}
                empty={
                  <EmptyState title="No run yet" action={<Button component={Link} to="/labels" size="sm">Go to the labels</Button>}>
                    Freezing the final labels makes a label set and starts the first run by itself.
                  </EmptyState>
                }
              />
            </Panel>
          )}
        </QueryView>
        {chosen.length >= 2 && <CompareRuns ids={chosen} />}
      </Stack>
      {launching && <LaunchDialog labelSet={Number(launching) || null} onClose={() => set('launch', null)} />}
    </>
  );
}

function columns(chosen: readonly number[], toggle: (id: number) => void): Column<RunRow>[] {
  return [
    {
      key: 'choose',
      header: <VisuallyHidden>Compare</VisuallyHidden>,
      width: 36,
      render: (row) =>
        row.state === 'succeeded' && (
          <Checkbox size="xs" checked={chosen.includes(row.id)} onChange={() => toggle(row.id)} aria-label={`Compare run ${row.id}`} />
        ),
    },
    { key: 'id', header: 'Run', render: (row) => <Anchor component={Link} to={`/runs/${row.id}`} size="sm">Run {row.id}</Anchor> },
    { key: 'state', header: 'State', render: (row) => <RunStateBadge state={row.state} /> },
    { key: 'set', header: 'Label set', render: (row) => <Anchor component={Link} to={`/label-sets/${row.label_set}`} size="sm">{row.label_set}</Anchor> },
    { key: 'profile', header: 'Profile', render: (row) => row.profile },
    { key: 'seed', header: 'Seed', numeric: true, render: (row) => row.seed },
    { key: 'how', header: 'Progress or result', width: '30%', render: (row) => <Outcome row={row} /> },
    { key: 'created', header: 'Created', render: (row) => dateTime(row.created_at) },
  ];
}

function Outcome({ row }: { row: RunRow }) {
  if (isActive(row.state)) {
    const { epoch = 0, epochs, eta_s } = row.progress;
    if (!epochs) return <Text size="sm">{row.state === 'queued' ? 'Waiting for a trainer' : 'Starting'}</Text>;
    return (
      <div>
        <Group justify="space-between"><Text size="xs">Epoch {epoch} of {epochs}</Text><Text size="xs">{duration(eta_s)} left</Text></Group>
        <Bar value={100 * progressShare(row.progress)} size="sm" aria-label={`Run ${row.id}: epoch ${epoch} of ${epochs}`} />
      </div>
    );
  }
  if (row.state === 'failed') return <Text size="sm" lineClamp={1} title={row.error}>{row.error}</Text>;
  return <Text size="sm">{row.auc ? `AUC ${figure(row.auc.value)} (${interval(row.auc.low, row.auc.high, 2)})` : DASH}</Text>;
}
