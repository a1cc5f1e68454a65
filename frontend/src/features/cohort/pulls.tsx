import { Alert, Anchor, Badge, Button, Code, FileInput, Group, List, Progress, Select, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { ConfirmButton } from '@/components/confirm-button';
import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { Pager, PAGE_SIZE } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { ApiError } from '@/lib/errors';
import { count, dateTime, plural } from '@/lib/format';
import { upload } from '@/lib/upload';

import { checkNode, nodesQuery, type PacsNode, type Pull, type PullItem, pullItemsQuery, pullsQuery, useCancelPull } from './api';

const STATE: Record<PullItem['state'], { label: string; colour: string }> = {
  queued: { label: 'Waiting', colour: 'gray' },
  running: { label: 'Being pulled', colour: 'blue' },
  done: { label: 'Complete', colour: 'teal' },
  incomplete: { label: 'Incomplete', colour: 'orange' },
  missing: { label: 'Not found', colour: 'orange' },
  failed: { label: 'Failed', colour: 'red' },
  refused: { label: 'Not in the cohort', colour: 'gray' },
  cancelled: { label: 'Cancelled', colour: 'gray' },
};

export function Pulls() {
  const nodes = useQuery(nodesQuery);
  const pulls = useQuery(pullsQuery);
  const [opened, setOpened] = useState<number | null>(null);
  return (
    <Panel
      title="Pull from a PACS"
      hint="Give a list of the hospital's ids, and their MR images are fetched from the archive. The study keeps no such ids: the list is deleted when the pull ends."
    >
      <QueryView query={nodes}>
        {(data) =>
          data.nodes.length ? (
            <Stack>
              <StartPull nodes={data.nodes} aeTitle={data.ae_title} onStarted={setOpened} />
              <QueryView query={pulls}>
                {(rows) =>
                  rows.length ? (
                    <Stack gap="sm">
                      {rows.map((pull) => (
                        <PullRow
                          key={pull.id}
                          pull={pull}
                          opened={opened === pull.id}
                          onToggle={() => setOpened(opened === pull.id ? null : pull.id)}
                        />
                      ))}
                    </Stack>
                  ) : (
                    <Text size="sm" c="dimmed">Nothing has been pulled yet.</Text>
                  )
                }
              </QueryView>
            </Stack>
          ) : data.error ? (
            <Alert color="red" title="The list of archives cannot be used">{data.error}</Alert>
          ) : (
            <Text size="sm" c="dimmed">
              No archive is set up. Whoever runs the server names them in the file of <Code>ODONTOID_PACS_NODES</Code>.
            </Text>
          )
        }
      </QueryView>
    </Panel>
  );
}

function StartPull({ nodes, aeTitle, onStarted }: { nodes: readonly PacsNode[]; aeTitle: string; onStarted: (id: number) => void }) {
  const client = useQueryClient();
  const [name, setName] = useState<string | null>(nodes[0]?.name ?? null);
  const [list, setList] = useState<File | null>(null);
  const node = nodes.find((one) => one.name === name);
  const check = useMutation({ mutationFn: (which: string) => checkNode(which) });
  const start = useMutation({
    mutationFn: () => {
      const body = new FormData();
      body.append('node', name ?? '');
      if (list) body.append('list', list, list.name);
      return upload<Pull>('/api/cohort/pulls/', body);
    },
    onSuccess: (pull) => {
      setList(null);
      onStarted(pull.id);
      notifications.show({ message: `${plural(pull.lines, 'line')} queued.`, color: 'teal' });
      void client.invalidateQueries({ queryKey: ['cohort', 'pulls'] });
    },
  });
  return (
    <Stack gap="xs">
      <Group align="flex-end" gap="sm">
        <Select
          label="Archive"
          data={nodes.map((one) => one.name)}
          value={name}
          allowDeselect={false}
          onChange={(value) => {
            setName(value);
            check.reset();
          }}
          w={200}
        />
        <Button variant="default" loading={check.isPending} disabled={!name} onClick={() => name && check.mutate(name)}>
          Does it answer?
        </Button>
        <FileInput
          label="List (CSV)"
          description="patient_id; for single exams also accession"
          placeholder="Choose a file"
          accept=".csv,.tsv,.txt,text/csv"
          clearable
          value={list}
          onChange={(file) => {
            setList(file);
            start.reset();
          }}
          w={280}
        />
        <Button disabled={!list || !name} loading={start.isPending} onClick={() => start.mutate()}>Pull</Button>
      </Group>
      {node && (
        <Text size="xs" c="dimmed">
          {node.address}
          {node.kind === 'dimse' && `. It must know this server as ${aeTitle}, and manage.py receive_dicom must run.`}
        </Text>
      )}
      {check.data && (
        <Alert color={check.data.answers ? 'teal' : 'red'} py="xs" role="status">{check.data.detail}</Alert>
      )}
      {check.error != null && <ErrorNotice error={check.error} title="It could not be asked" />}
      {start.error != null && (
        <>
          <ErrorNotice error={start.error} title="Nothing was queued" />
          <BadLines error={start.error} />
        </>
      )}
    </Stack>
  );
}

function BadLines({ error }: { error: unknown }) {
  const rows = error instanceof ApiError ? (error.body as { rows?: { line: number; reason: string }[] } | null)?.rows : undefined;
  if (!rows?.length) return null;
  return (
    <List size="sm">
      {rows.slice(0, 20).map(({ line, reason }) => <List.Item key={line}>Line {line} {reason}.</List.Item>)}
    </List>
  );
}

function PullRow({ pull, opened, onToggle }: { pull: Pull; opened: boolean; onToggle: () => void }) {
  const cancel = useCancelPull();
  const { counts } = pull;
  const ended = pull.lines - counts.queued - counts.running;
  const lacking = counts.incomplete + counts.missing + counts.failed + counts.refused;
  return (
    <Stack gap={6} p="sm" style={{ border: '1px solid #dee2e6', borderRadius: 6 }}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">
          <b>{pull.node}</b> · {dateTime(pull.created_at)} · {pull.created_by ?? 'command line'}
        </Text>
        <Group gap="xs" wrap="nowrap">
          {lacking > 0 && (
            <Button size="compact-sm" variant="default" component="a" href={`/api/cohort/pulls/${pull.id}/report.csv`} download>
              What is missing (CSV)
            </Button>
          )}
          <Button size="compact-sm" variant="subtle" onClick={onToggle} aria-expanded={opened}>
            {opened ? 'Hide lines' : 'Show lines'}
          </Button>
          {!pull.finished_at && (
            <ConfirmButton
              size="compact-sm"
              variant="subtle"
              color="red"
              label="Cancel"
              title="Cancel this pull?"
              explanation="Lines that wait are not asked for any more. What has been stored stays."
              confirmLabel="Cancel the pull"
              disabled={pull.cancel_requested}
              onConfirm={() => cancel.mutateAsync(pull.id)}
              pending={cancel.isPending}
              error={cancel.error}
            />
          )}
        </Group>
      </Group>
      <Progress.Root size="lg" aria-label={`${ended} of ${pull.lines} lines have ended`}>
        <Progress.Section value={(100 * counts.done) / pull.lines} color="teal" aria-label="Complete" />
        <Progress.Section value={(100 * (counts.incomplete + counts.missing)) / pull.lines} color="orange" aria-label="Missing or incomplete" />
        <Progress.Section value={(100 * counts.failed) / pull.lines} color="red" aria-label="Failed" />
        <Progress.Section value={(100 * (counts.refused + counts.cancelled)) / pull.lines} color="gray" aria-label="Not asked for" />
      </Progress.Root>
      <Text size="xs" c="dimmed" aria-live="polite">
        {count(ended)} of {plural(pull.lines, 'line')}
        {Object.entries(counts).filter(([, n]) => n > 0).map(([state, n]) => ` · ${count(n)} ${STATE[state as keyof typeof STATE].label.toLowerCase()}`)}
        {' · '}{count(pull.instances_arrived)} of {plural(pull.instances_expected, 'image')}
      </Text>
      {opened && <Lines pull={pull} />}
    </Stack>
  );
}

function Lines({ pull }: { pull: Pull }) {
  const [page, setPage] = useState(1);
  const items = useQuery(pullItemsQuery(pull.id, (page - 1) * PAGE_SIZE, PAGE_SIZE, !pull.finished_at));
  return (
    <QueryView query={items}>
      {(data) => (
        <>
          <DataTable
            caption="Lines that are not complete"
            rows={data.results}
            rowKey={(row) => row.line}
            minWidth={720}
            empty="Every line is complete."
            columns={[
              { key: 'line', header: 'Line of the list', numeric: true, width: 110, render: (row) => row.line },
              {
                key: 'patient',
                header: 'Patient',
                render: (row) =>
                  row.state === 'refused' ? (
                    <Text size="sm" ff="monospace">{row.patient_pseudonym}</Text>
                  ) : (
                    <Anchor component={Link} to={`/cohort/patients/${row.patient_pseudonym}`} ff="monospace" size="sm">{row.patient_pseudonym}</Anchor>
                  ),
              },
              {
                key: 'state',
                header: 'State',
                render: (row) => {
                  const { label, colour } = STATE[row.state];
                  return <Badge variant="light" color={colour}>{label}</Badge>;
                },
              },
              { key: 'images', header: 'Images', numeric: true, render: (row) => `${count(row.instances_arrived)} of ${count(row.instances_expected)}` },
              {
                key: 'reason',
                header: 'Why',
                render: (row) => (
                  <>
                    {row.reason}
                    {row.state === 'queued' && row.next_try_at && ` Tried ${plural(row.attempts, 'time')}; again ${dateTime(row.next_try_at)}.`}
                  </>
                ),
              },
            ]}
          />
          <Pager total={data.count} page={page} onPage={setPage} noun="lines" />
        </>
      )}
    </QueryView>
  );
}
