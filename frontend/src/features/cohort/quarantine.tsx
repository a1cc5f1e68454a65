import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';

import { type Quarantined, quarantineQuery, useDiscardSeries, useReleaseSeries } from './api';
import { ImagesButton } from './images-button';
import { seriesName } from './wording';

type Act = 'release' | 'discard';

export function Quarantine() {
  const quarantine = useQuery(quarantineQuery);
  const [asked, setAsked] = useState<{ act: Act; series: Quarantined } | null>(null);
  return (
    <Panel title="Quarantine" hint="Series that match no known patient or exam, or may show an identity in the pixels. Nobody reads them.">
      <QueryView query={quarantine}>
        {(data) => (
          <DataTable
            caption="Series in quarantine"
            rows={data}
            rowKey={(row) => row.series_uid}
            minWidth={720}
            empty="Empty: every ingested series found its patient."
            columns={[
              { key: 'patient', header: 'Patient', render: (row) => <Text ff="monospace" size="sm">{row.patient_pseudonym}</Text> },
              { key: 'what', header: 'Series', render: (row) => `${seriesName(row)}, ${row.slices} slices` },
              { key: 'reason', header: 'Why', render: (row) => row.quarantine_reason },
              {
                key: 'acts',
                header: 'Decide',
                width: 280,
                render: (row) => (
                  <Group gap={6} wrap="nowrap">
                    <ImagesButton seriesUid={row.series_uid} label={`${seriesName(row)} (in quarantine)`} />
                    <Button size="compact-sm" variant="default" onClick={() => setAsked({ act: 'release', series: row })}>Release</Button>
                    <Button size="compact-sm" variant="subtle" color="red" onClick={() => setAsked({ act: 'discard', series: row })}>Discard</Button>
                  </Group>
                ),
              },
            ]}
          />
        )}
      </QueryView>
      {asked && <Decide key={asked.series.series_uid + asked.act} {...asked} onClose={() => setAsked(null)} />}
    </Panel>
  );
}

function Decide({ act, series, onClose }: { act: Act; series: Quarantined; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const release = useReleaseSeries();
  const discard = useDiscardSeries();
  const mutation = act === 'release' ? release : discard;
  const decide = () =>
    mutation.mutate(
      { uid: series.series_uid, reason: reason.trim() },
      {
        onSuccess: () => {
          notifications.show({ message: act === 'release' ? 'Released.' : 'Discarded.', color: 'teal' });
          onClose();
        },
      },
    );
  return (
    <Modal opened onClose={onClose} centered title={act === 'release' ? 'Release this series?' : 'Discard this series?'} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm">Held because: {series.quarantine_reason}</Text>
        <Text size="sm">
          {act === 'release'
            ? 'It is checked again and joins its patient and exam if both are known by now. If text may be burned into the pixels, say below why it is safe.'
            : 'Its images are deleted from the store. They can only come back by another delivery.'}
        </Text>
        {act === 'release' && (
          <Textarea
            label="Reason (needed for burned-in text)"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            autosize
            minRows={2}
            data-autofocus
          />
        )}
        {mutation.isError && <ErrorNotice error={mutation.error} title="It stays in quarantine" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button color={act === 'discard' ? 'red' : undefined} loading={mutation.isPending} onClick={decide}>
            {act === 'release' ? 'Release' : 'Discard'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
