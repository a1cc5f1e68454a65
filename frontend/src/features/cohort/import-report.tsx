import { Anchor, Group, Stack, Text } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { count, DASH } from '@/lib/format';

import type { TableImport } from './import-api';

/** What the files hold, and what is wrong with which row. */
export function ImportReportView({ report }: { report: TableImport }) {
  const errors = report.errors ?? [];
  const files = Object.entries(report.summary ?? {}).map(([file, counts]) => ({ file, ...counts }));
  return (
    <Stack>
      <DataTable
        caption="What the files hold"
        rows={files}
        rowKey={(row) => row.file}
        columns={[
          { key: 'file', header: 'File', render: (row) => row.file },
          { key: 'new', header: 'New', numeric: true, render: (row) => count(row.new) },
          { key: 'changed', header: 'Changed', numeric: true, render: (row) => count(row.changed) },
          { key: 'unchanged', header: 'Unchanged', numeric: true, render: (row) => count(row.unchanged) },
          { key: 'errors', header: 'In error', numeric: true, render: (row) => count(row.errors) },
        ]}
      />
      {errors.length > 0 && (
        <>
          <Group justify="space-between">
            <Text size="sm" fw={600}>Problems</Text>
            <Anchor size="sm" href={`/api/cohort/imports/${report.id}/errors.csv`} download>Download all as CSV</Anchor>
          </Group>
          <DataTable
            caption="Problems by file and row"
            maxHeight={360}
            rows={errors.map((row, index) => ({ ...row, index }))}
            rowKey={(row) => row.index}
            columns={[
              { key: 'file', header: 'File', render: (row) => row.file },
              { key: 'row', header: 'Row', numeric: true, width: 72, render: (row) => row.row ?? DASH },
              { key: 'column', header: 'Column', render: (row) => row.column || DASH },
              { key: 'message', header: 'Problem', render: (row) => row.message },
            ]}
          />
          {report.error_count > errors.length && (
            <Text size="xs" c="dimmed">The first {errors.length} of {count(report.error_count)}; the download has them all.</Text>
          )}
        </>
      )}
      {(report.notices ?? []).map((notice, index) => (
        <Text key={index} size="xs" c="dimmed">{[notice.file, notice.column].filter(Boolean).join(', ')}: {notice.message}</Text>
      ))}
    </Stack>
  );
}
