import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';

import { DataTable } from '@/components/data-table';
import { download, toCsv } from '@/lib/csv';
import { DASH, plural } from '@/lib/format';

import type { ImportReport } from './api';

const SHOWN = 200;

export function ImportReportView({ report }: { report: ImportReport }) {
  const { errors } = report;
  const files = Object.entries(report.summary).map(([file, counts]) => ({ file, ...counts }));
  return (
    <Stack>
      <Alert color={report.committed ? 'teal' : 'blue'} variant="light" p="xs">
        {report.committed ? 'Imported. ' : 'Preview only. '}
        {errors.length ? `${plural(errors.length, 'problem')} found; the rows concerned ${report.committed ? 'were' : 'will be'} left out.` : 'No problem found.'}
      </Alert>
      <DataTable
        caption="What the files hold"
        rows={files}
        rowKey={(row) => row.file}
        columns={[
          { key: 'file', header: 'File', render: (row) => row.file },
          { key: 'new', header: 'New', numeric: true, render: (row) => row.new },
          { key: 'changed', header: 'Changed', numeric: true, render: (row) => row.changed },
          { key: 'unchanged', header: 'Unchanged', numeric: true, render: (row) => row.unchanged },
          { key: 'errors', header: 'In error', numeric: true, render: (row) => row.errors },
        ]}
      />
      {errors.length > 0 && (
        <>
          <Group justify="space-between">
            <Text size="sm" fw={600}>Problems</Text>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconDownload size={14} aria-hidden />}
              onClick={() =>
                download(
                  'import-errors.csv',
                  toCsv(['file', 'row', 'column', 'message'], errors.map((row) => [row.file, row.row, row.column, row.message])),
                )
              }
            >
              Download as CSV
            </Button>
          </Group>
          <DataTable
            caption="Problems by file and row"
            maxHeight={360}
            rows={errors.slice(0, SHOWN).map((row, index) => ({ ...row, index }))}
            rowKey={(row) => row.index}
            columns={[
              { key: 'file', header: 'File', render: (row) => row.file },
              { key: 'row', header: 'Row', numeric: true, width: 72, render: (row) => row.row ?? DASH },
              { key: 'column', header: 'Column', render: (row) => row.column || DASH },
              { key: 'message', header: 'Problem', render: (row) => row.message },
            ]}
          />
          {errors.length > SHOWN && (
            <Text size="xs" c="dimmed">The first {SHOWN} of {errors.length}; the download has them all.</Text>
          )}
        </>
      )}
    </Stack>
  );
}
