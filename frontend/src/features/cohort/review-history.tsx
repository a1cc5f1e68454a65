import { Button, Text } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { DASH, dateTime } from '@/lib/format';

import type { ChartReview, PatientDetail } from './api';
import { useTakeBackDecision } from './api';
import { describeReason } from './wording';

/** Every decision on a chart, also those taken back; the one that counts is marked. */
export function ReviewHistory({ patient }: { patient: PatientDetail }) {
  const takeBack = useTakeBackDecision();
  return (
    <DataTable
      caption="Chart reviews"
      rows={patient.chart_reviews}
      rowKey={(row) => row.id}
      empty="No chart review is on record."
      highlight={(row) => row.id === patient.standing_review}
      columns={[
        { key: 'decision', header: 'Decision', render: (row) => <Text size="sm" td={row.taken_back_at ? 'line-through' : undefined}>{describeReason(row.decision)}</Text> },
        { key: 'note', header: 'Note', render: (row) => row.note || DASH },
        { key: 'date', header: 'Shifted date', render: (row) => row.date ?? DASH },
        { key: 'by', header: 'Recorded', render: (row) => `${dateTime(row.decided_at)} · ${row.decided_by ?? 'export'}` },
        { key: 'state', header: 'Counts', render: (row) => describeState(row, patient.standing_review) },
        {
          key: 'undo',
          header: '',
          render: (row) =>
            row.decided_by && !row.taken_back_at && !patient.reading_since ? (
              <Button size="compact-xs" variant="subtle" loading={takeBack.isPending} onClick={() => takeBack.mutate({ id: row.id, reason: '' })}>
                Take back
              </Button>
            ) : null,
        },
      ]}
    />
  );
}

function describeState(row: ChartReview, standing: number | null): string {
  if (row.taken_back_at) {
    const why = row.taken_back_reason ? `: ${row.taken_back_reason}` : '';
    return `Taken back by ${row.taken_back_by ?? DASH}, ${dateTime(row.taken_back_at)}${why}`;
  }
  return row.id === standing ? 'Yes' : 'No';
}
