import { Alert, Anchor, Button, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { count, DASH, figure, percent, plural, pValue } from '@/lib/format';

import { type TableOne, type TableOneBy, tableOneQuery } from './api';

const CHOICES = [
  { value: 'outcome', label: 'By outcome' },
  { value: 'site', label: 'By site' },
  { value: 'none', label: 'All together' },
];

export function TableOnePage() {
  const [by, setBy] = useState<TableOneBy>('outcome');
  const table = useQuery(tableOneQuery(by));
  return (
    <>
      <Anchor component={Link} to="/cohort" size="sm">← Cohort</Anchor>
      <PageHeader title="Table 1" description="Characteristics of the included patients, counted from the records as they stand." />
      <Panel
        title="Included patients"
        hint="Numbers: median (quartiles). Shares: of those of whom it is known."
        actions={
          <>
            <SegmentedControl size="xs" aria-label="Groups" data={CHOICES} value={by} onChange={(value) => setBy(value as TableOneBy)} />
            <Button component="a" href={`/api/table-one.csv?by=${by}`} download="table-1.csv" size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
              CSV
            </Button>
          </>
        }
      >
        <QueryView query={table} label="Counting">
          {(data) => (data.groups[0]?.n ? <Shown table={data} asked={by} /> : <EmptyState title="Nobody is included yet">The table describes the patients whom no step of the flow excludes.</EmptyState>)}
        </QueryView>
      </Panel>
    </>
  );
}

function Shown({ table, asked }: { table: TableOne; asked: TableOneBy }) {
  const tested = table.groups.length > 2;
  const two = table.groups.length === 3;
  return (
    <Stack gap="sm">
      {asked === 'outcome' && table.by === 'none' && (
        <Alert variant="light" p="xs"><Text size="sm">No final label yet, so there are no outcome groups: everybody stands in one column.</Text></Alert>
      )}
      {table.ungrouped > 0 && (
        <Text size="sm" c="dimmed">
          {plural(table.ungrouped, 'patient')} of the first column {table.ungrouped === 1 ? 'belongs' : 'belong'} to no group:{' '}
          {table.by === 'outcome' ? 'final labels are missing, or the charter leaves an intermediate follow-up out.' : 'no site is on record.'}
        </Text>
      )}
      <Table.ScrollContainer type="native" minWidth={640}>
        <Table aria-label="Table 1">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Characteristic</Table.Th>
              {table.groups.map((group) => <Table.Th key={group.label} scope="col" ta="right">{group.label}<br />n = {count(group.n)}</Table.Th>)}
              {tested && <Table.Th scope="col" ta="right">p</Table.Th>}
              {tested && <Table.Th scope="col">Test</Table.Th>}
              {two && <Table.Th scope="col" ta="right"><abbr title="Standardised mean difference">SMD</abbr></Table.Th>}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{table.rows.map((row) => <Row key={row.key} row={row} tested={tested} two={two} />)}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {tested && (
        <Text size="xs" c="dimmed">
          Two-sided and not corrected for how many there are. Numbers by ranks; counts by χ², or Fisher’s exact test where a 2 × 2 table expects fewer than five.
          {two && ' A standardised difference above 0.1 is commonly called an imbalance.'}
        </Text>
      )}
    </Stack>
  );
}

type TableRow = TableOne['rows'][number];

function Row({ row, tested, two }: { row: TableRow; tested: boolean; two: boolean }) {
  const oneLine = row.levels.length === 1;
  const statistics = (
    <>
      {tested && <Table.Td ta="right" className="tabular">{pValue(row.p)}</Table.Td>}
      {tested && <Table.Td><Text size="xs" c="dimmed">{row.p == null ? '' : row.test}</Text></Table.Td>}
      {two && <Table.Td ta="right" className="tabular">{figure(row.smd, 2)}</Table.Td>}
    </>
  );
  const blank = (tested ? 2 : 0) + (two ? 1 : 0);
  return (
    <>
      <Table.Tr>
        <Table.Th scope="row" fw={500}>{row.label}{row.unit && `, ${row.unit}`}</Table.Th>
        {row.kind === 'number'
          ? row.cells.map((cell, k) => (
              <Table.Td key={k} ta="right" className="tabular" title={cell ? `mean ${figure(cell.mean, 1)}, SD ${figure(cell.sd, 1)}, ${figure(cell.low, 1)} to ${figure(cell.high, 1)}` : undefined}>
                {cell ? `${figure(cell.median, 1)} (${figure(cell.q1, 1)}–${figure(cell.q3, 1)})` : DASH}
              </Table.Td>
            ))
          : row.missing.map((_, k) => <Table.Td key={k} ta="right" className="tabular">{oneLine ? share(row.levels[0]?.cells[k]) : ''}</Table.Td>)}
        {statistics}
      </Table.Tr>
      {!oneLine && row.levels.map((level) => (
        <Table.Tr key={level.label}>
          <Table.Th scope="row" fw={400} pl="xl">{level.label}</Table.Th>
          {level.cells.map((cell, k) => <Table.Td key={k} ta="right" className="tabular">{share(cell)}</Table.Td>)}
          {blank > 0 && <Table.Td colSpan={blank} />}
        </Table.Tr>
      ))}
      {row.missing.some((n) => n > 0) && (
        <Table.Tr>
          <Table.Th scope="row" fw={400} pl="xl"><Text size="xs" c="dimmed">not known</Text></Table.Th>
          {row.missing.map((n, k) => <Table.Td key={k} ta="right" className="tabular"><Text size="xs" c="dimmed">{count(n)}</Text></Table.Td>)}
          {blank > 0 && <Table.Td colSpan={blank} />}
        </Table.Tr>
      )}
    </>
  );
}

function share(cell: { n: number; of: number; share: number | null } | undefined): string {
  return cell?.of ? `${count(cell.n)} (${percent(cell.share)})` : DASH;
}
