import { Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export interface Column<Row> {
  key: string;
  header: ReactNode;
  render: (row: Row) => ReactNode;
  /** Figures: right-aligned, equal digit widths. */
  numeric?: boolean;
  width?: number | string;
}

interface Props<Row> {
  /** Read out by screen readers; what the rows are. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  empty?: ReactNode;
  minWidth?: number;
  maxHeight?: number;
  /** Rows to mark, such as the one in question. */
  highlight?: (row: Row) => boolean;
}

export function DataTable<Row>(props: Props<Row>) {
  const { caption, columns, rows, rowKey, empty, minWidth = 480, maxHeight, highlight } = props;
  if (rows.length === 0) {
    return typeof empty === 'object' && empty ? empty : <Text size="sm" c="dimmed">{empty ?? 'Nothing yet.'}</Text>;
  }
  const style = (column: Column<Row>) => ({ textAlign: column.numeric ? ('right' as const) : undefined, width: column.width });
  return (
    <Table.ScrollContainer type="native" minWidth={minWidth} maxHeight={maxHeight}>
      <Table aria-label={caption} stickyHeader={maxHeight !== undefined}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.key} scope="col" style={style(column)}>{column.header}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={rowKey(row)} bg={highlight?.(row) ? 'yellow.0' : undefined}>
              {columns.map((column) => (
                <Table.Td key={column.key} className={column.numeric ? 'tabular' : undefined} style={style(column)}>
                  {column.render(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
