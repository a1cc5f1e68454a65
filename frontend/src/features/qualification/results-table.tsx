import { Badge } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { percent, words } from '@/lib/format';

import type { Result } from './api';

/** An attempt's score, finding by finding, beside the pass mark it had to reach. */
export function ResultsTable({ caption, results }: { caption: string; results: Result[] }) {
  return (
    <DataTable
      caption={caption}
      rows={results}
      rowKey={(row) => row.finding}
      columns={[
        { key: 'finding', header: 'Finding', render: (row) => words(row.finding) },
        { key: 'right', header: 'As the truth', numeric: true, render: (row) => `${row.k} of ${row.n}` },
        { key: 'share', header: 'Share (95 % CI)', numeric: true, render: (row) => `${percent(row.share)} (${percent(row.low)} to ${percent(row.high)})` },
        { key: 'mark', header: 'Pass mark', numeric: true, render: (row) => percent(row.mark) },
        { key: 'passed', header: '', render: (row) => <Badge variant="light" tt="none" color={row.passed ? 'teal' : 'orange'}>{row.passed ? 'reached' : 'not reached'}</Badge> },
      ]}
    />
  );
}

const STATE = { open: { text: 'Open', color: 'blue' }, passed: { text: 'Passed', color: 'teal' }, failed: { text: 'Not passed', color: 'orange' } };

export function AttemptState({ state }: { state: keyof typeof STATE }) {
  return <Badge variant="light" tt="none" color={STATE[state].color}>{STATE[state].text}</Badge>;
}
