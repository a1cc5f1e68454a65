import { Anchor, Badge, Button, Group, SegmentedControl, Stack } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { download, toCsv } from '@/lib/csv';
import { DASH, words } from '@/lib/format';

import type { IngestResult } from './api';

export const OUTCOME_COLOUR: Record<IngestResult['outcome'], string> = {
  accepted: 'teal', unchanged: 'gray', quarantined: 'orange', rejected: 'red',
};
const OUTCOMES = Object.keys(OUTCOME_COLOUR) as IngestResult['outcome'][];

export function IngestResults({ results }: { results: readonly IngestResult[] }) {
  const [shown, setShown] = useState('all');
  const count = (outcome: string) => results.filter((row) => row.outcome === outcome).length;
  const rows = results
    .map((row, index) => ({ ...row, index }))
    .filter((row) => shown === 'all' || row.outcome === shown);
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label="Outcome"
          value={shown}
          onChange={setShown}
          data={[
            { value: 'all', label: `All (${results.length})` },
            ...OUTCOMES.map((outcome) => ({ value: outcome, label: `${words(outcome)} (${count(outcome)})` })),
          ]}
        />
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconDownload size={14} aria-hidden />}
          onClick={() =>
            download(
              'ingest-results.csv',
              toCsv(
                ['outcome', 'file', 'patient', 'series_uid', 'slices', 'reason'],
                results.map((row) => [row.outcome, row.file, row.patient, row.series_uid, row.slices, row.reason]),
              ),
            )
          }
        >
          Download as CSV
        </Button>
      </Group>
      <DataTable
        caption="Result of the upload"
        rows={rows}
        rowKey={(row) => row.index}
        maxHeight={420}
        minWidth={720}
        empty="None."
        columns={[
          {
            key: 'outcome',
            header: 'Outcome',
            width: 150,
            render: (row) => <Badge variant="light" color={OUTCOME_COLOUR[row.outcome]}>{words(row.outcome)}</Badge>,
          },
          { key: 'file', header: 'File', render: (row) => row.file },
          {
            key: 'patient',
            header: 'Patient',
            render: (row) =>
              row.patient && row.outcome !== 'quarantined' ? (
                <Anchor component={Link} to={`/cohort/patients/${row.patient}`} ff="monospace" size="sm">{row.patient}</Anchor>
              ) : (
                row.patient ?? DASH
              ),
          },
          { key: 'slices', header: 'Slices', numeric: true, render: (row) => row.slices ?? DASH },
          { key: 'reason', header: 'Why', render: (row) => row.reason || DASH },
        ]}
      />
    </Stack>
  );
}
