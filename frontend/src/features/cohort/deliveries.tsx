import { useQuery } from '@tanstack/react-query';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime, words } from '@/lib/format';

import { importsQuery } from './api';

/** {"patients": {"new": 60}} → "patients: 60 new"; {"accepted": 120} → "120 accepted". Zeros are left out. */
export function describeSummary(summary: unknown): string {
  if (typeof summary !== 'object' || summary === null) return DASH;
  const parts = Object.entries(summary).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === 'number') return value ? [`${value} ${words(key).toLowerCase()}`] : [];
    const inner = describeSummary(value);
    return inner === DASH ? [] : [`${words(key).toLowerCase()}: ${inner}`];
  });
  return parts.join(', ') || DASH;
}

export function Deliveries() {
  const imports = useQuery(importsQuery);
  return (
    <Panel title="Deliveries so far" hint="No file names: they may hold identities.">
      <QueryView query={imports}>
        {(data) => (
          <DataTable
            caption="Deliveries"
            rows={data}
            rowKey={(row) => row.id}
            maxHeight={320}
            empty="None yet."
            columns={[
              { key: 'at', header: 'When', render: (row) => dateTime(row.created_at) },
              { key: 'by', header: 'Who', render: (row) => row.created_by ?? 'command line' },
              { key: 'kind', header: 'Kind', render: (row) => row.kind.toUpperCase() },
              { key: 'summary', header: 'What came of it', render: (row) => describeSummary(row.summary) },
            ]}
          />
        )}
      </QueryView>
    </Panel>
  );
}
