import { Button, Group, Modal, NumberInput, Select, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { QueryView } from '@/components/query-view';

import { type LabelSetOption, type LaunchInput, launchSetsQuery, useLaunch } from './api';
import { parseOverrides } from './overrides';
import { RecipeSettings } from './recipe-settings';

const PROFILES: { value: LaunchInput['profile']; label: string }[] = [
  { value: 'paper', label: 'Paper – as published' },
  { value: 'recommended', label: 'Recommended' },
];

interface Props {
  labelSet: number | null;
  onClose: () => void;
}

export function LaunchDialog({ labelSet, onClose }: Props) {
  const sets = useQuery(launchSetsQuery);
  return (
    <Modal opened onClose={onClose} title="Launch a run" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <QueryView query={sets}>
        {(data) =>
          data.length ? (
            <LaunchForm sets={data} labelSet={labelSet} onClose={onClose} />
          ) : (
            <Text size="sm">There is no label set yet. Freeze the final labels first; that also launches the first run.</Text>
          )
        }
      </QueryView>
    </Modal>
  );
}

function LaunchForm({ sets, labelSet, onClose }: { sets: LabelSetOption[]; labelSet: number | null; onClose: () => void }) {
  const [set, setSet] = useState(String(labelSet ?? sets[0]?.id ?? ''));
  const [profile, setProfile] = useState<LaunchInput['profile']>('paper');
  const [overrides, setOverrides] = useState('');
  const [seed, setSeed] = useState<string | number>('');
  const launch = useLaunch();
  const navigate = useNavigate();
  const parsed = parseOverrides(overrides);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        launch.mutate(
          { label_set: Number(set), profile, overrides: parsed.values, ...(seed === '' ? {} : { seed: Number(seed) }) },
          { onSuccess: (run) => void navigate(`/runs/${run.id}`) },
        );
      }}
    >
      <Stack>
        <Select
          label="Label set"
          data={sets.map((item) => ({
            value: String(item.id),
            label: `${item.name || `Label set ${item.id}`} – ${item.patients} patients, ${item.positives} with deformity (${item.hash.slice(0, 8)})`,
          }))}
          value={set}
          onChange={(value) => value && setSet(value)}
          allowDeselect={false}
          data-autofocus
        />
        <Select
          label="Profile"
          description={
            profile === 'paper'
              ? 'The published method: one split, 1 mm resampling, six slices at 512 × 512, ResNet-101, 100 epochs. Takes a GPU, or hours.'
              : 'Five-fold cross-validation on acquired slices, threshold and calibration from inner folds.'
          }
          data={PROFILES}
          value={profile}
          onChange={(value) => value && setProfile(value)}
          allowDeselect={false}
        />
        <RecipeSettings profile={profile} />
        <Textarea
          label="Overrides"
          description="key=value, one a line, e.g. epochs=3 or depth=18. Unknown keys are refused, never ignored."
          autosize
          minRows={3}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={overrides}
          onChange={(event) => setOverrides(event.currentTarget.value)}
          error={parsed.errors.join(' ') || undefined}
        />
        <NumberInput label="Seed" description="Empty: the recipe’s own." min={0} max={2 ** 31 - 1} allowDecimal={false} value={seed} onChange={setSeed} w={200} />
        {launch.isError && <ErrorNotice error={launch.error} title="Not launched" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={launch.isPending} disabled={parsed.errors.length > 0}>Launch</Button>
        </Group>
      </Stack>
    </form>
  );
}
