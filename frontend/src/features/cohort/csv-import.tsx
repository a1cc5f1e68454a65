import { Alert, Anchor, Button, Group, Progress, Stack, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import { ConfirmButton } from '@/components/confirm-button';
import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { count, percent, plural } from '@/lib/format';

import { fileColumnsQuery, isActive, type TableImport, tableImportQuery, useCheckTables, useCommitTables, useLeaveTables } from './import-api';
import { ImportLayout } from './import-layout';
import { ImportReportView } from './import-report';
import { type Mapping, NOTHING_SAID } from './mapping-draft';
import { TableFiles } from './table-files';

/** Tables on their way in: choose → check → look → import. The address keeps the place. */
export function CsvImport() {
  const [params, setParams] = useSearchParams();
  const id = Number(params.get('import')) || null;
  const go = (next: number | null) => setParams(next ? { import: String(next) } : {}, { replace: true, preventScrollReset: true });
  return (
    <Panel title="Tables (CSV)" hint="patients, diagnoses, exams and chart_review. Hospital ids are turned into pseudonyms as they are read; the files are deleted once you have decided.">
      {id === null ? <TableFiles onSent={(job) => go(job.id)} /> : <Underway id={id} onRestart={() => go(null)} />}
    </Panel>
  );
}

function Underway({ id, onRestart }: { id: number; onRestart: () => void }) {
  const job = useQuery(tableImportQuery(id));
  const client = useQueryClient();
  const done = job.data?.state === 'done';
  useEffect(() => {
    if (done) void client.invalidateQueries({ queryKey: ['cohort'] });
  }, [done, client]);
  return (
    <QueryView query={job} label="Looking at the files">
      {(data) => {
        if (isActive(data)) return <Working job={data} />;
        if (data.state === 'checked') return <Decision key={JSON.stringify(data.mapping)} job={data} />;
        if (data.state === 'done') return <Done job={data} onRestart={onRestart} />;
        return <Ended job={data} onRestart={onRestart} />;
      }}
    </QueryView>
  );
}

function Working({ job }: { job: TableImport }) {
  const leave = useLeaveTables(job.id);
  const storing = job.state === 'storing';
  const share = job.progress.share ?? 0;
  const what = {
    queued: 'Waiting for a worker.',
    reading: `${count(job.progress.rows ?? 0)} rows read, ${percent(share)}.`,
    storing: 'Storing all of it at once and working out the patient flow. This can no longer be cancelled; if it fails, nothing is stored.',
  }[job.state as 'queued' | 'reading' | 'storing'];
  return (
    <Stack gap="sm">
      <Text size="sm" aria-live="polite">{what}</Text>
      <Progress value={storing ? 100 : 100 * share} striped={storing} animated={storing} aria-label="Share that has been read" />
      <Group>
        {!storing && <Button variant="default" loading={leave.isPending} onClick={() => leave.mutate(undefined)}>Cancel</Button>}
        <Text size="xs" c="dimmed">You can leave this page; it goes on.</Text>
      </Group>
      {leave.isError && <ErrorNotice error={leave.error} title="Not cancelled" />}
    </Stack>
  );
}

function Decision({ job }: { job: TableImport }) {
  const check = useCheckTables(job.id);
  const commit = useCommitTables(job.id);
  const leave = useLeaveTables(job.id);
  const columns = useQuery(fileColumnsQuery);
  const [said, setSaid] = useState(job.mapping as Mapping);
  const changed = JSON.stringify(said) !== JSON.stringify(job.mapping);
  const totals = Object.values(job.summary ?? {});
  const good = totals.reduce((sum, row) => sum + row.new + row.changed, 0);
  const refused = job.refused ?? [];
  const wrong = job.error_count;
  const needsMapping = (kind: string) =>
    refused.includes(`${kind}.csv`) ||
    (job.layouts?.[kind]?.columns ?? []).some((column) => column.taken_by === 'similar' || (column.spellings ?? []).some((item) => item.read_as === null));

  return (
    <Stack>
      <Alert color={wrong ? 'orange' : 'blue'} variant="light" p="xs" role="status">
        {wrong > 0
          ? `${plural(wrong, 'row or file is', 'rows or files are')} in error, so nothing would be stored. Say below what is not understood, mend the export, or import the good rows only.`
          : good > 0
            ? 'Everything could be read. Nothing is stored yet.'
            : 'Everything in these files is in the cohort already; there is nothing to import.'}
      </Alert>
      <ImportReportView report={job} />
      <div>
        <Title order={3} size="h6" mb={4}>How the files were read</Title>
        <Stack gap="xs">
          <QueryView query={columns}>
            {(files) =>
              files.filter((file) => job.layouts?.[file.kind]).map((file) => (
                <details key={file.kind} open={needsMapping(file.kind) || undefined}>
                  <summary>{file.kind}.csv</summary>
                  <ImportLayout
                    columns={file.columns}
                    layout={job.layouts![file.kind]!}
                    said={said[file.kind] ?? NOTHING_SAID}
                    onChange={(next) => setSaid((current) => ({ ...current, [file.kind]: next }))}
                  />
                </details>
              ))
            }
          </QueryView>
        </Stack>
      </div>
      <Group>
        {changed ? (
          <Button loading={check.isPending} onClick={() => check.mutate(said)}>Check again</Button>
        ) : (
          <Button disabled={wrong > 0 || good === 0} loading={commit.isPending && !commit.variables} onClick={() => commit.mutate(false)}>
            Import
          </Button>
        )}
        {!changed && wrong > 0 && good > 0 && (
          <ConfirmButton
            variant="default"
            label="Import the good rows only"
            title="Import the good rows only?"
            explanation={
              <Text size="sm">
                {plural(good, 'row is', 'rows are')} stored, {plural(wrong, 'row or file is', 'rows or files are')} left
                out. A patient may then be in the study without all of their exams or diagnoses. The list of what was
                left out stays to be downloaded.
              </Text>
            }
            confirmLabel="Import the good rows"
            onConfirm={() => commit.mutateAsync(true)}
            pending={commit.isPending}
            error={commit.error}
          />
        )}
        <Button variant="subtle" color="gray" loading={leave.isPending} onClick={() => leave.mutate(undefined)}>
          Discard
        </Button>
        <Text size="xs" c="dimmed">
          {changed ? 'What you said is remembered once you import.' : 'Undecided files are deleted after a day.'}
        </Text>
      </Group>
      {[check, leave].map((step, index) => step.isError && <ErrorNotice key={index} error={step.error} title="Not done" />)}
      {commit.isError && !commit.variables && <ErrorNotice error={commit.error} title="Not imported" />}
    </Stack>
  );
}

function Done({ job, onRestart }: { job: TableImport; onRestart: () => void }) {
  const stored = Object.values(job.summary ?? {}).reduce((sum, row) => sum + row.new + row.changed, 0);
  return (
    <Stack>
      <Alert color="teal" variant="light" p="xs" role="status">
        Imported: {plural(stored, 'row')} new or changed.{' '}
        {job.error_count > 0 ? `${plural(job.error_count, 'row or file was', 'rows or files were')} left out. ` : ''}
        The files are deleted.
      </Alert>
      <ImportReportView report={job} />
      <Group>
        {job.delivery != null && stored > 0 && (
          <Anchor component={Link} to={`/cohort?delivery=${job.delivery}#patients`}>See the patients concerned</Anchor>
        )}
        <Anchor component={Link} to="/cohort">See the patient flow</Anchor>
        <Button variant="default" onClick={onRestart}>Import more tables</Button>
      </Group>
    </Stack>
  );
}

const ENDED: Record<string, string> = {
  cancelled: 'Discarded. Nothing was stored, and the files are deleted.',
  expired: 'Nobody came back to these files for a day, so they were deleted. Nothing was stored.',
};

function Ended({ job, onRestart }: { job: TableImport; onRestart: () => void }) {
  return (
    <Stack>
      <Alert color={job.state === 'failed' ? 'red' : 'gray'} variant="light" p="xs" role="status">
        {ENDED[job.state] ?? job.error}
      </Alert>
      <Group><Button onClick={onRestart}>Choose files</Button></Group>
    </Stack>
  );
}
