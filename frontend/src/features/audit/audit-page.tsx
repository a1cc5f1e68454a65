import { Alert, Button, Code, Group, List, Select, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { ErrorNotice } from '@/components/error-notice';
import { Hash } from '@/components/hash';
import { PageHeader } from '@/components/page-header';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { dateTime, plural } from '@/lib/format';

import { auditChoicesQuery, auditQuery, useVerifyAudit } from './api';

const NOTHING = { actor: '', verb: '', object_type: '', object_id: '', since: '', until: '' };
type Filter = typeof NOTHING;

/** Without the empty fields: an empty filter would match nothing. */
function given(filter: Filter): Partial<Filter> {
  const found: Partial<Filter> = {};
  for (const key of Object.keys(filter) as (keyof Filter)[]) if (filter[key].trim()) found[key] = filter[key].trim();
  return found;
}

export function AuditPage() {
  const [filter, setFilter] = useState(NOTHING);
  const [settled] = useDebouncedValue(filter, 300);
  const key = Object.values(settled).join('|');
  const [paging, setPaging] = useState({ key, page: 1 });
  const page = paging.key === key ? paging.page : 1;
  const choices = useQuery(auditChoicesQuery);
  const set = (field: keyof Filter) => (value: string | null) => setFilter({ ...filter, [field]: value ?? '' });
  const events = useQuery(
    auditQuery({
      ...given(settled),
      limit: PAGE_SIZE,
      offset: (page - 1) * PAGE_SIZE,
    }),
  );
  return (
    <>
      <PageHeader
        title="Audit trail"
        description="Every act of the study, newest first. Rows can only be added, and each carries the hash of the one before."
      />
      <Verify />
      <Panel title="Events" mt="md">
        <Group mb="sm" align="flex-end">
          <Select label="Who" placeholder="anybody" data={choices.data?.actors ?? []} value={filter.actor || null} onChange={set('actor')} clearable searchable w={160} />
          <Select label="Act" placeholder="any" data={choices.data?.verbs ?? []} value={filter.verb || null} onChange={set('verb')} clearable searchable w={190} />
          <Select label="Object" placeholder="any" data={choices.data?.object_types ?? []} value={filter.object_type || null} onChange={set('object_type')} clearable searchable w={210} />
          <TextInput label="Number" placeholder="e.g. 17" value={filter.object_id} onChange={(event) => set('object_id')(event.currentTarget.value)} w={100} />
          <TextInput type="date" label="From" value={filter.since} max={filter.until || undefined} onChange={(event) => set('since')(event.currentTarget.value)} w={150} />
          <TextInput type="date" label="To, included" value={filter.until} min={filter.since || undefined} onChange={(event) => set('until')(event.currentTarget.value)} w={150} />
          <Button variant="default" onClick={() => setFilter(NOTHING)} disabled={Object.keys(given(filter)).length === 0}>Clear</Button>
        </Group>
        <QueryView query={events} label="Loading the trail">
          {(data) => (
            <>
              <DataTable
                caption="Audit events"
                rows={data.results}
                rowKey={(row) => row.id}
                minWidth={860}
                empty={<EmptyState title="No event matches">Widen the dates or clear a field.</EmptyState>}
                columns={[
                  { key: 'id', header: '#', numeric: true, render: (row) => row.id },
                  { key: 'at', header: 'When', render: (row) => dateTime(row.at) },
                  { key: 'actor', header: 'Who', render: (row) => row.actor ?? 'system' },
                  { key: 'verb', header: 'Act', render: (row) => row.verb },
                  { key: 'object', header: 'Object', render: (row) => `${row.object_type} ${row.object_id}` },
                  {
                    key: 'detail',
                    header: 'Detail',
                    width: '30%',
                    render: (row) => <Detail detail={row.detail} />,
                  },
                  { key: 'hash', header: 'Hash', render: (row) => <Hash value={row.hash} digits={8} /> },
                ]}
              />
              <Pager total={data.count} page={page} onPage={(next) => setPaging({ key, page: next })} noun="events" />
            </>
          )}
        </QueryView>
      </Panel>
    </>
  );
}

/** The whole trail checked on request, with what was found. */
function Verify() {
  const verify = useVerifyAudit();
  const found = verify.data;
  return (
    <Panel
      title="Is the trail whole?"
      hint={<>Every row’s hash and place in the chain, every signature and label, and the triggers that refuse changes; as <Code>python manage.py verify_audit</Code> does.</>}
      actions={<Button size="compact-md" loading={verify.isPending} onClick={() => verify.mutate()}>Verify now</Button>}
    >
      <div aria-live="polite">
        {verify.isError && <ErrorNotice error={verify.error} title="Not checked" />}
        {!found && !verify.isError && <Text size="sm" c="dimmed">Not checked on this visit.</Text>}
        {found && found.failures.length === 0 && (
          <Alert color="teal" variant="light" p="xs" icon={<IconShieldCheck size={20} aria-hidden />} title="Whole">
            <Text size="sm">
              {plural(found.rows, 'row')}, {plural(found.signed, 'signed read')}, {plural(found.labels, 'final label')}, checked {dateTime(found.checked_at)}.
            </Text>
            <Group gap={6}><Text size="sm">Newest hash</Text><Hash value={found.newest_hash} digits={16} /></Group>
            <Text size="xs" c="dimmed">Rows cut off at the end would not show: compare the newest hash with a backup’s.</Text>
          </Alert>
        )}
        {found && found.failures.length > 0 && (
          <Alert color="red" variant="light" p="xs" icon={<IconShieldX size={20} aria-hidden />} title={`${plural(found.failures.length, 'failure')}: something was changed outside the app`}>
            <List size="sm">{found.failures.map((failure) => <List.Item key={failure}>{failure}</List.Item>)}</List>
          </Alert>
        )}
      </div>
    </Panel>
  );
}

/** Key by key; a hash by its first digits, since the whole of it helps nobody read. */
function Detail({ detail }: { detail: unknown }) {
  if (typeof detail !== 'object' || detail === null) return null;
  return Object.entries(detail).map(([key, value]: [string, unknown]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const short = /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text.length > 110 ? `${text.slice(0, 110)}…` : text;
    return <Text key={key} size="xs" title={text} style={{ overflowWrap: 'anywhere' }}>{key}: {short}</Text>;
  });
}
