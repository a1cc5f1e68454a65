import { Anchor, Badge, Group, Paper, Text } from '@mantine/core';

import { Hash } from '@/components/hash';
import { words } from '@/lib/format';

import type { Series } from './api';
import { ImagesButton } from './images-button';
import { Recognition } from './recognition';
import { seriesName } from './wording';

export function SeriesCard({ series, role }: { series: Series; role: string | null }) {
  const name = seriesName(series);
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" align="flex-start">
        <Group gap={8}>
          <Text fw={600} size="sm">{name}</Text>
          {role && <Badge variant="filled">{role}</Badge>}
          {series.state !== 'accepted' && <Badge color="orange" variant="light">{words(series.state)}</Badge>}
          <Badge color={series.sagittal_t2_cervical ? 'teal' : 'gray'} variant="light">
            {series.sagittal_t2_cervical ? 'Counts as sagittal T2 cervical' : 'Does not count'}
          </Badge>
        </Group>
        <Group gap="md">
          <Group gap={6}><Text size="xs" c="dimmed">Content</Text><Hash value={series.content_hash} /></Group>
          {series.state === 'accepted' && (
            <>
              <Anchor
                size="sm" href={`/api/cohort/series/${series.series_uid}/nifti`} download
                aria-label={`Download ${role ? `${role}: ${name}` : name} as NIfTI`}
              >
                NIfTI
              </Anchor>
              <ImagesButton seriesUid={series.series_uid} label={role ? `${role}: ${name}` : name} />
            </>
          )}
        </Group>
      </Group>
      <Text size="xs" c="dimmed" mt={4} className="tabular">
        {series.slices} slices of {series.columns} × {series.rows} · pixel {series.row_spacing.toFixed(2)} × {series.column_spacing.toFixed(2)} mm ·
        slices {series.slice_spacing.toFixed(2)} mm apart · {series.manufacturer || 'manufacturer unknown'}
        {series.field_strength != null && ` · ${series.field_strength} T`}
      </Text>
      <Recognition lines={series.recognition} />
    </Paper>
  );
}
