import { Badge, Button, Group, Kbd, List, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';

import { ErrorNotice } from '@/components/error-notice';
import { KeysSwitch } from '@/components/keys-switch';
import { SeriesImages } from '@/components/series-images';
import { isHeard, isHeld } from '@/lib/keys';
import { usePreference } from '@/lib/preference';
import { useUser } from '@/lib/session';

import { type Quarantined, useDiscardSeries, useReleaseSeries } from './api';
import { seriesName } from './wording';

/** One held series after the other: its pixels beside the decision. */
export function QuarantineReview({ queue, onClose }: { queue: readonly Quarantined[]; onClose: () => void }) {
  const [at, setAt] = useState(0);
  const series = queue[at];
  const next = () => (at + 1 < queue.length ? setAt(at + 1) : onClose());
  if (!series) return null;
  return (
    <Modal
      opened
      onClose={onClose}
      size="95vw"
      title={`${seriesName(series)} in quarantine${queue.length > 1 ? `, ${at + 1} of ${queue.length}` : ''}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Group align="stretch" wrap="nowrap" style={{ height: 'calc(100vh - 190px)' }}>
        <div style={{ flex: 1, minWidth: 0 }}>
          <SeriesImages key={series.series_uid} seriesUid={series.series_uid} label={seriesName(series)} />
        </div>
        <Decision
          key={series.series_uid}
          series={series}
          onDone={next}
          onSkip={next}
          last={at + 1 === queue.length}
        />
      </Group>
    </Modal>
  );
}

interface Props {
  series: Quarantined;
  onDone: () => void;
  onSkip: () => void;
  last: boolean;
}

function Decision({ series, onDone, onSkip, last }: Props) {
  const [reason, setReason] = useState('');
  const [sure, setSure] = useState(false);
  const [keysAnywhere, setKeysAnywhere] = usePreference(useUser()?.username ?? '', 'keys-anywhere', true);
  const release = useReleaseSeries();
  const discard = useDiscardSeries();
  const told = series.needs_reason ? reason.trim() !== '' : true;
  const pending = release.isPending || discard.isPending;
  const done = (message: string) => ({
    onSuccess: () => {
      notifications.show({ message, color: 'teal' });
      onDone();
    },
  });
  const doRelease = () => {
    if (told && !pending) release.mutate({ uid: series.series_uid, reason: reason.trim() }, done('Released.'));
  };
  const doDiscard = () => {
    if (pending) return;
    if (sure) discard.mutate({ uid: series.series_uid }, done('Discarded.'));
    else setSure(true);
  };
  /** Held down, D would say twice what is to be said twice. */
  const onKey = (act: () => void) => (event: KeyboardEvent) => {
    if (isHeard(event, keysAnywhere) && !isHeld(event)) act();
  };
  useHotkeys([['r', onKey(doRelease)], ['d', onKey(doDiscard)], ['n', onKey(onSkip)]]);
  return (
    <Stack gap="sm" style={{ width: 320, overflowY: 'auto' }} data-keys>
      <Text size="sm">Patient <Text span ff="monospace">{series.patient_pseudonym}</Text></Text>
      <div>
        <Text size="sm" fw={600}>Held because</Text>
        <Text size="sm">{series.quarantine_reason}</Text>
        {series.needs_reason && <Badge color="orange" variant="light" mt={4}>A person must look</Badge>}
      </div>
      <List size="sm" spacing={4}>
        <List.Item>Look at every slice ({series.slices}): names, dates and numbers stand mostly at the edges.</List.Item>
        <List.Item>A face can identify a person too.</List.Item>
        <List.Item>Released, it is matched again and joins its patient and exam if both are known.</List.Item>
      </List>
      <Textarea
        label={series.needs_reason ? 'Why it may be released' : 'Note (optional)'}
        required={series.needs_reason}
        description={series.needs_reason ? 'Kept with the series.' : undefined}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        autosize
        minRows={3}
        maxLength={1000}
      />
      {release.isError && <ErrorNotice error={release.error} title="It stays in quarantine" />}
      {discard.isError && <ErrorNotice error={discard.error} title="It was not discarded" />}
      {sure && (
        <Text size="sm" c="red.8" role="alert">
          Its images are deleted from the store and only come back by another delivery. Press again to discard.
        </Text>
      )}
      <Group gap="xs">
        <Button loading={release.isPending} disabled={!told || pending} onClick={doRelease}>Release</Button>
        <Button color="red" variant={sure ? 'filled' : 'light'} loading={discard.isPending} disabled={pending} onClick={doDiscard}>
          {sure ? 'Discard for good' : 'Discard'}
        </Button>
        <Button variant="default" disabled={pending} onClick={onSkip}>{last ? 'Leave it' : 'Next'}</Button>
      </Group>
      <Text size="xs" c="dimmed"><Kbd>R</Kbd> release · <Kbd>D</Kbd> twice discards · <Kbd>N</Kbd> leaves it and goes on</Text>
      <KeysSwitch anywhere={keysAnywhere} onAnywhere={setKeysAnywhere} at="a part of the decision" />
    </Stack>
  );
}
