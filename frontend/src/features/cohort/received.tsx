import { Anchor, Badge } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime, words } from '@/lib/format';

import { receivedQuery } from './api';
import { OUTCOME_COLOUR } from './ingest-results';

const PAGE = 20;
const ROAD: Record<string, string> = { c_store: 'C-STORE', stow: 'STOW-RS', pull: 'Pull' };

/** What came without anybody watching: C-STORE, STOW-RS, pulls. */
export function Received() {
  const [page, setPage] = useState(1);
  const received = useQuery(receivedQuery((page - 1) * PAGE, PAGE));
  return (
    <Panel
      title="Received from machines"
      hint="Series that scanners and archives sent, or that were pulled. A rejected series is not kept: it must be sent again."
    >
      <QueryView query={received}>
        {(data) => (
          <>
            <DataTable
              caption="Received series"
              rows={data.results.flatMap((batch) => batch.results.map((series, index) => ({ ...series, batch, key: `${batch.id} ${index}` })))}
              rowKey={(row) => row.key}
              maxHeight={320}
              minWidth={760}
              empty="Nothing yet. C-STORE comes by manage.py receive_dicom, STOW-RS with a token of manage.py machine_token."
              columns={[
                { key: 'at', header: 'When', render: (row) => dateTime(row.batch.created_at) },
                { key: 'from', header: 'From', render: (row) => `${row.batch.peer} (${ROAD[row.batch.road ?? ''] ?? row.batch.road})` },
                {
                  key: 'outcome',
                  header: 'Outcome',
                  width: 130,
                  render: (row) => <Badge variant="light" color={OUTCOME_COLOUR[row.outcome]}>{words(row.outcome)}</Badge>,
                },
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
            {data.count > PAGE && <Pager total={data.count} page={page} onPage={setPage} noun="deliveries" size={PAGE} />}
          </>
        )}
      </QueryView>
    </Panel>
  );
}
