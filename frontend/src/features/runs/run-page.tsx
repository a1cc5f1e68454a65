import { Anchor, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import { ConfirmButton } from '@/components/confirm-button';
import { PageHeader } from '@/components/page-header';
import { QueryView } from '@/components/query-view';
import { dateTime } from '@/lib/format';

import { isActive, type Run, runQuery, useCancel } from './api';
import { RunLive } from './run-live';
import { RunResultView } from './run-result';
import { RunStateBadge } from './run-state';

export function RunPage() {
  const { id = '' } = useParams();
  const run = useQuery(runQuery(Number(id)));
  return (
    <>
      <Anchor component={Link} to="/runs" size="sm">← Runs</Anchor>
      <QueryView query={run}>{(data) => <RunView key={data.id} run={data} />}</QueryView>
    </>
  );
}

function RunView({ run }: { run: Run }) {
  return (
    <>
      <PageHeader
        title={`Run ${run.id}`}
        badge={<RunStateBadge state={run.state} />}
        description={
          <>
            {run.profile} profile, seed {run.seed}, on <Anchor component={Link} to={`/label-sets/${run.label_set}`} size="sm" underline="always">label set {run.label_set}</Anchor>
            {' · '}created {dateTime(run.created_at)}
          </>
        }
        actions={isActive(run.state) && <Cancel run={run} />}
      />
      {run.state === 'succeeded' && run.result ? <RunResultView run={run} result={run.result} /> : <RunLive run={run} />}
    </>
  );
}

function Cancel({ run }: { run: Run }) {
  const cancel = useCancel();
  return (
    <ConfirmButton
      label={run.cancel_requested ? 'Stopping…' : 'Cancel run'}
      disabled={run.cancel_requested}
      color="red"
      variant="light"
      title={`Cancel run ${run.id}?`}
      confirmLabel="Cancel the run"
      pending={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutateAsync(run.id)}
      explanation={<Text size="sm">The trainer stops within seconds. Nothing of this run is published; the label set stays as it is.</Text>}
    />
  );
}
