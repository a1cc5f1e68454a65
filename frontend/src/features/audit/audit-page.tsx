import { Code, Group, TextInput } from '@mantine/core';
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

export function AuditPage() {
  const [filter, setFilter] = useState({ verb: '', object_type: '' });
  const [settled] = useDebouncedValue(filter, 300);
  const key = `${settled.verb}|${settled.object_type}`;
  const [paging, setPaging] = useState({ key, page: 1 });
  const page = paging.key === key ? paging.page : 1;
  const events = useQuery(
    auditQuery({
      verb: settled.verb.trim() || undefined,
      object_type: settled.object_type.trim() || undefined,
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
          <TextInput
            label="Act"
            placeholder="e.g. reading.signed"
            value={filter.verb}
            onChange={(event) => setFilter({ ...filter, verb: event.currentTarget.value })}
          />
          <TextInput
            label="Object"
            placeholder="e.g. annotation.reading"
            value={filter.object_type}
            onChange={(event) => setFilter({ ...filter, object_type: event.currentTarget.value })}
          />
        </Group>
        <QueryView query={events} label="Loading the trail">
          {(data) => (
            <>
              <DataTable
                caption="Audit events"
                rows={data.results}
                rowKey={(row) => row.id}
                minWidth={860}
                empty={<EmptyState title="No event matches">Acts and objects are matched as they are written in the table.</EmptyState>}
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
                    render: (row) => <Code style={{ overflowWrap: 'anywhere', whiteSpace: 'normal' }}>{JSON.stringify(row.detail)}</Code>,
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
