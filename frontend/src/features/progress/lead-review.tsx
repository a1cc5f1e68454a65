import { Alert, Anchor, Button, Group, Modal, Radio, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { words } from '@/lib/format';

import { type Review, leadReviewQuery, type ReviewAction, useResolveReview } from './api';

/** Cases a reader called unreadable: no label until the lead decides. Hidden while there is none. */
export function LeadReview() {
  const cases = useQuery(leadReviewQuery);
  const [asked, setAsked] = useState<Review | null>(null);
  if (cases.isError) return <ErrorNotice error={cases.error} onRetry={() => void cases.refetch()} />;
  if (!cases.data?.length) return null;
  return (
    <Panel title="Waiting for your decision" hint="A reader could not read a scan, or saw something that may exclude the patient. Only you decide.">
      <DataTable
        caption="Cases waiting for the lead"
        rows={cases.data}
        rowKey={(row) => row.case}
        columns={[
          {
            key: 'patient',
            header: 'Patient',
            render: (row) => <Anchor component={Link} to={`/cohort/patients/${row.patient}`} ff="monospace" size="sm">{row.patient}</Anchor>,
          },
          { key: 'reads', header: 'What the readers noted', render: describeItems },
          { key: 'act', header: 'Decide', width: 110, render: (row) => <Button size="compact-sm" onClick={() => setAsked(row)}>Decide</Button> },
        ]}
      />
      {asked && <Decide review={asked} onClose={() => setAsked(null)} />}
    </Panel>
  );
}

function describeItems(review: Review): string {
  return review.items
    .map(({ reader, scan, kind, observation, text }) => {
      const what = kind === 'unreadable' ? 'unreadable' : words(observation).toLowerCase();
      return `${reader}, ${scan.replace('_', '-')}: ${what}${text && ` – ${text}`}`;
    })
    .join(' · ');
}

const ACTIONS: Record<ReviewAction, string> = {
  exclude: 'Exclude the patient from the study',
  reread: 'Read again: the observers get the case anew',
  dismiss: 'Keep the patient: the observation does not exclude',
};

function Decide({ review, onClose }: { review: Review; onClose: () => void }) {
  const [action, setAction] = useState<ReviewAction | undefined>(review.actions[0]);
  const [reason, setReason] = useState('');
  const resolve = useResolveReview();
  return (
    <Modal opened onClose={onClose} centered title={`Patient ${review.patient}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Alert variant="light" p="xs"><Text size="sm">{describeItems(review)}</Text></Alert>
        <Radio.Group label="Decision" value={action} onChange={(value) => setAction(value)}>
          <Stack gap={6} mt={6}>
            {review.actions.map((value) => <Radio key={value} value={value} label={ACTIONS[value]} />)}
          </Stack>
        </Radio.Group>
        <Textarea label="Reason" required value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} />
        {resolve.isError && <ErrorNotice error={resolve.error} title="Not decided" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button
            disabled={!reason.trim() || !action}
            loading={resolve.isPending}
            onClick={() =>
              action &&
              resolve.mutate(
                { id: review.case, action, reason: reason.trim() },
                {
                  onSuccess: () => {
                    notifications.show({ message: 'Decided and recorded.', color: 'teal' });
                    onClose();
                  },
                },
              )
            }
          >
            Record the decision
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
