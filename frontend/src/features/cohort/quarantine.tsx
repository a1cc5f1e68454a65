import { Badge, Button, Checkbox, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { ConfirmButton } from '@/components/confirm-button';
import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';

import { type Quarantined, quarantineQuery, useDiscardSeries, useReleaseSeries } from './api';
import { QuarantineReview } from './quarantine-review';
import { seriesName } from './wording';

export function Quarantine() {
  const quarantine = useQuery(quarantineQuery);
  return (
    <Panel title="Quarantine" hint="Series that match no known patient or exam, or may show an identity in the pixels. Nobody reads them.">
      <QueryView query={quarantine}>{(data) => <Held rows={data} />}</QueryView>
    </Panel>
  );
}

function Held({ rows }: { rows: readonly Quarantined[] }) {
  const [marked, setMarked] = useState<readonly string[]>([]);
  const [review, setReview] = useState<readonly Quarantined[] | null>(null);
  const discard = useDiscardSeries();
  const chosen = rows.filter((row) => marked.includes(row.series_uid));
  const mark = (uid: string, on: boolean) => setMarked((now) => (on ? [...now, uid] : now.filter((other) => other !== uid)));
  const discardChosen = async () => {
    for (const row of chosen) await discard.mutateAsync({ uid: row.series_uid });
    setMarked([]);
    notifications.show({ message: `${chosen.length} series discarded.`, color: 'teal' });
  };
  return (
    <>
      {rows.length > 0 && (
        <Group mb="sm" gap="xs">
          <Button size="compact-sm" onClick={() => setReview(chosen.length ? chosen : rows)}>
            {chosen.length ? `Review ${chosen.length} marked` : `Review all ${rows.length}`}
          </Button>
          <CheckAgain rows={rows} />
          {chosen.length > 0 && (
            <ConfirmButton
              size="compact-sm"
              variant="subtle"
              color="red"
              label={`Discard ${chosen.length} marked`}
              title={`Discard ${chosen.length} series?`}
              explanation="Their images are deleted from the store. They can only come back by another delivery."
              confirmLabel="Discard"
              onConfirm={discardChosen}
              pending={discard.isPending}
              error={discard.error}
            />
          )}
        </Group>
      )}
      <DataTable
        caption="Series in quarantine"
        rows={rows}
        rowKey={(row) => row.series_uid}
        minWidth={720}
        maxHeight={480}
        empty="Empty: every ingested series found its patient."
        columns={[
          {
            key: 'mark',
            header: (
              <Checkbox
                aria-label="Mark all"
                checked={chosen.length === rows.length}
                indeterminate={chosen.length > 0 && chosen.length < rows.length}
                onChange={(event) => setMarked(event.currentTarget.checked ? rows.map((row) => row.series_uid) : [])}
              />
            ),
            width: 40,
            render: (row) => (
              <Checkbox
                aria-label={`Mark ${seriesName(row)} of ${row.patient_pseudonym}`}
                checked={marked.includes(row.series_uid)}
                onChange={(event) => mark(row.series_uid, event.currentTarget.checked)}
              />
            ),
          },
          { key: 'patient', header: 'Patient', render: (row) => <Text ff="monospace" size="sm">{row.patient_pseudonym}</Text> },
          { key: 'what', header: 'Series', render: (row) => `${seriesName(row)}, ${row.slices} slices` },
          {
            key: 'reason',
            header: 'Why',
            render: (row) => (
              <>
                {row.quarantine_reason}{' '}
                {row.needs_reason && <Badge color="orange" variant="light" size="sm">A person must look</Badge>}
              </>
            ),
          },
          {
            key: 'acts',
            header: 'Decide',
            width: 110,
            render: (row) => <Button size="compact-sm" variant="default" onClick={() => setReview([row])}>Review</Button>,
          },
        ]}
      />
      {review && <QuarantineReview queue={review} onClose={() => setReview(null)} />}
    </>
  );
}

/** After an import: those that only waited for their patient or exam, none that somebody must look at. */
function CheckAgain({ rows }: { rows: readonly Quarantined[] }) {
  const release = useReleaseSeries();
  const [busy, setBusy] = useState(false);
  const waiting = rows.filter((row) => !row.needs_reason);
  if (waiting.length === 0) return null;
  const run = async () => {
    setBusy(true);
    const done = [];
    for (const row of waiting) {
      done.push(await release.mutateAsync({ uid: row.series_uid, reason: '' }).then(() => true, () => false));
    }
    setBusy(false);
    const joined = done.filter(Boolean).length;
    notifications.show({
      message: `${joined} joined their patient, ${done.length - joined} still wait.`,
      color: joined ? 'teal' : 'gray',
    });
  };
  return (
    <Button size="compact-sm" variant="default" loading={busy} onClick={() => void run()}>
      Match {waiting.length} again
    </Button>
  );
}
