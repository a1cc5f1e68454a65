import { Group, NativeSelect, Stack, Table, Text } from '@mantine/core';
import { useId } from 'react';

import { plural, words } from '@/lib/format';

import type { ColumnRead, FileColumn, Layout } from './import-api';
import { chooseHeader, chooseMeaning, chooseOrder, headerOf, type Said } from './mapping-draft';

const ABSENT = '\u0000absent';
const UNSAID = '\u0000unsaid';
const WHY: Record<string, string> = { similar: 'by likeness', said: 'as you said', name: '' };

interface Props {
  columns: readonly FileColumn[];
  layout: Layout;
  said: Said;
  onChange: (said: Said) => void;
}

/** Which column of the file is which of ours, and what its dates and spellings mean; each can be changed. */
export function ImportLayout({ columns, layout, said, onChange }: Props) {
  return (
    <Stack gap="xs">
      <Text size="xs" c="dimmed">
        {[layout.encoding, layout.delimiter && `separated by ${layout.delimiter}`].filter(Boolean).join(', ')}
        {layout.notes.length > 0 && `. Kept as notes: ${layout.notes.join(', ')}`}
        {layout.dropped.length > 0 && `. Not kept, since they may identify a person: ${layout.dropped.join(', ')}`}
        .
      </Text>
      <Table.ScrollContainer minWidth={640} type="native">
        <Table fz="sm" verticalSpacing={4} aria-label={`Columns of ${layout.name}`}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col" w={190}>Column</Table.Th>
              <Table.Th scope="col" w={250}>In the file</Table.Th>
              <Table.Th scope="col">How its values are read</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {columns.map((column) => {
              const read = layout.columns.find((item) => item.column === column.name);
              const header = headerOf(column.name, said, layout);
              const open = header === null && !said.absent.includes(column.name);
              return (
                <Table.Tr key={column.name}>
                  <Table.Th scope="row" title={column.meaning}>{column.name}{column.required && ' *'}</Table.Th>
                  <Table.Td>
                    <Group gap={6} wrap="nowrap">
                      <NativeSelect
                        size="xs"
                        aria-label={`Column of the file for ${column.name}`}
                        error={open || undefined}
                        value={header ?? (open ? UNSAID : ABSENT)}
                        onChange={(event) => {
                          const value = event.currentTarget.value;
                          if (value !== UNSAID) onChange(chooseHeader(column.name, value === ABSENT ? null : value, said, layout));
                        }}
                        data={[
                          ...(open ? [{ value: UNSAID, label: 'Choose …' }] : []),
                          ...(column.required ? [] : [{ value: ABSENT, label: 'Not in this file' }]),
                          ...layout.header.filter((name, place) => name && layout.header.indexOf(name) === place),
                        ]}
                      />
                      {header !== null && header === read?.header && WHY[read.taken_by] && (
                        <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{WHY[read.taken_by]}</Text>
                      )}
                    </Group>
                  </Table.Td>
                  <Table.Td>
                    {header !== null && read && <Values column={column} read={read} said={said} onChange={onChange} />}
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

function Values({ column, read, said, onChange }: { column: FileColumn; read: ColumnRead; said: Said; onChange: (said: Said) => void }) {
  const id = useId();
  if (column.kind === 'date') {
    const found = { dmy: ': day first', mdy: ': month first', '': '' }[read.date_order];
    return (
      <NativeSelect
        size="xs"
        w={220}
        aria-label={`Order of the dates in ${column.name}`}
        value={said.dates[column.name] ?? ''}
        onChange={(event) => onChange(chooseOrder(column.name, event.currentTarget.value, said))}
        data={[
          { value: '', label: `As the file tells${found}` },
          { value: 'dmy', label: 'Day first: 31/12/2010' },
          { value: 'mdy', label: 'Month first: 12/31/2010' },
        ]}
      />
    );
  }
  if (column.allowed.length === 0) return null;
  const spellings = read.spellings ?? [];
  const mine = said.values[column.name] ?? {};
  const unread = spellings.filter((item) => item.read_as === null || item.text.toLowerCase() in mine);
  const rest = spellings.filter((item) => !unread.includes(item));
  return (
    <Stack gap={4}>
      {rest.length > 0 && (
        <Text size="xs" c="dimmed">
          {rest.slice(0, 8).map((item) => `${item.text} → ${item.read_as || 'unknown'}`).join(', ')}
          {rest.length > 8 && ' …'}
        </Text>
      )}
      {unread.map((item) => (
        <Group key={item.text} gap={6} wrap="nowrap">
          <Text size="xs" id={`${id}-${item.text}`}>“{item.text}” in {plural(item.rows, 'row')} means</Text>
          <NativeSelect
            size="xs"
            aria-label={`What “${item.text}” means in ${column.name}`}
            error={!(item.text.toLowerCase() in mine) || undefined}
            value={mine[item.text.toLowerCase()] ?? UNSAID}
            onChange={(event) => {
              const value = event.currentTarget.value;
              onChange(chooseMeaning(column.name, item.text, value === UNSAID ? null : value, said));
            }}
            data={[
              { value: UNSAID, label: 'not understood' },
              ...column.allowed.map((value) => ({ value, label: value.length > 2 ? words(value) : value })),
              { value: '', label: 'unknown' },
            ]}
          />
        </Group>
      ))}
    </Stack>
  );
}
