import { Alert, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { DataTable } from '@/components/data-table';
import { Hash } from '@/components/hash';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime } from '@/lib/format';

import { type CharterOverview, charterQuery } from './api';
import { DraftCharter } from './draft-charter';
import { describeTerm, TERMS } from './terms';

export function CharterPage() {
  const charter = useQuery(charterQuery);
  return (
    <>
      <PageHeader title="Charter" description="The rules of reading, frozen and hashed before the first read. A change is a new version with a reason." />
      <QueryView query={charter}>{(data) => <Charter overview={data} />}</QueryView>
    </>
  );
}

function Charter({ overview }: { overview: CharterOverview }) {
  const { current, proposed, history } = overview;
  const terms = current?.terms ?? proposed;
  return (
    <Stack>
      {!current && (
        <Alert color="blue" variant="light" title="Not frozen yet">
          Freeze your draft as version 1 below. If reading is opened first, the proposed terms are frozen as they stand.
        </Alert>
      )}
      <Panel
        title={current ? `Version ${current.version}` : 'Proposed terms'}
        hint={current && <Group gap={6}>Frozen {dateTime(current.frozen_at)}{current.frozen_by && ` by ${current.frozen_by}`} · SHA-256 <Hash value={current.hash} digits={16} /></Group>}
      >
        <Table aria-label="Terms of the charter">
          <Table.Thead><Table.Tr><Table.Th scope="col">Term</Table.Th><Table.Th scope="col">Setting</Table.Th><Table.Th scope="col">What it decides</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {Object.entries(terms).map(([key, value]) => (
              <Table.Tr key={key}>
                <Table.Th scope="row" fw={500}>{TERMS[key]?.label ?? key}</Table.Th>
                <Table.Td className="tabular">{describeTerm(key, value)}</Table.Td>
                <Table.Td><Text size="sm" c="dimmed">{TERMS[key]?.meaning}</Text></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Panel>
      <DraftCharter overview={overview} />
      {history.length > 0 && (
        <Panel title="Versions">
          <DataTable
            caption="Versions of the charter"
            rows={[...history].sort((a, b) => b.version - a.version)}
            rowKey={(row) => row.version}
            columns={[
              { key: 'version', header: 'Version', render: (row) => row.version },
              { key: 'at', header: 'Frozen', render: (row) => `${dateTime(row.frozen_at)} · ${row.frozen_by ?? DASH}` },
              { key: 'reason', header: 'Reason', render: (row) => row.reason || (row.version === 1 ? 'First version' : DASH) },
              { key: 'hash', header: 'SHA-256', render: (row) => <Hash value={row.hash} /> },
            ]}
          />
        </Panel>
      )}
    </Stack>
  );
}
