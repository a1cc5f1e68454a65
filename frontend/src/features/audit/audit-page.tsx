import { Code, Group, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { Hash } from '@/components/hash';
import { PageHeader } from '@/components/page-header';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { dateTime } from '@/lib/format';

import { auditQuery } from './api';

const FIELDS = [
  { key: 'verb', label: 'Act', example: 'sign_reading' },
  { key: 'actor', label: 'Who', example: 'lead' },
  { key: 'object_type', label: 'Object', example: 'annotation.reading' },
  { key: 'object_id', label: 'Number', example: '17' },
] as const;

type Filter = Record<(typeof FIELDS)[number]['key'], string>;

const NOTHING: Filter = { verb: '', actor: '', object_type: '', object_id: '' };

/** Without the empty fields: an empty filter would match nothing. */
function given(filter: Filter): Partial<Filter> {
  const found: Partial<Filter> = {};
  for (const { key } of FIELDS) if (filter[key].trim()) found[key] = filter[key].trim();
  return found;
}

export function AuditPage() {
  const [filter, setFilter] = useState(NOTHING);
  const [settled] = useDebouncedValue(filter, 300);
  const key = Object.values(settled).join('|');
  const [paging, setPaging] = useState({ key, page: 1 });
  const page = paging.key === key ? paging.page : 1;
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
      <Panel title="Events" hint={<>The whole chain is checked by <Code>python manage.py verify_audit</Code>, which names the first row that does not fit.</>}>
        <Group mb="sm">
          {FIELDS.map(({ key: field, label, example }) => (
            <TextInput
              key={field}
              label={label}
              placeholder={`e.g. ${example}`}
              value={filter[field]}
              onChange={(event) => setFilter({ ...filter, [field]: event.currentTarget.value })}
              w={190}
            />
          ))}
        </Group>
        <QueryView query={events} label="Loading the trail">
          {(data) => (
            <>
              <DataTable
                caption="Audit events"
                rows={data.results}
                rowKey={(row) => row.id}
                minWidth={860}
                empty={<EmptyState title="No event matches">Each field must be written in full, as in the table.</EmptyState>}
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

/** Key by key; a hash by its first digits, since the whole of it helps nobody read. */
function Detail({ detail }: { detail: unknown }) {
  if (typeof detail !== 'object' || detail === null) return null;
  return Object.entries(detail).map(([key, value]: [string, unknown]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const short = /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
    return <Text key={key} size="xs" title={text} style={{ overflowWrap: 'anywhere' }}>{key}: {short}</Text>;
  });
}
