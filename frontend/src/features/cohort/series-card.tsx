import { Badge, Button, Group, List, Modal, Paper, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPhoto } from '@tabler/icons-react';

import { Hash } from '@/components/hash';
import { SeriesImages } from '@/components/series-images';
import { words } from '@/lib/format';

import type { Series } from './api';
import { recognitionLines } from './recognition';

export function SeriesCard({ series, role }: { series: Series; role: string | null }) {
  const [opened, { open, close }] = useDisclosure(false);
  const name = `${words(series.plane || 'unknown plane')} ${series.weighting || 'unknown weighting'}`;
  const lines = recognitionLines(series.recognition);
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
            <Button size="compact-sm" variant="default" leftSection={<IconPhoto size={14} aria-hidden />} onClick={open}>Images</Button>
          )}
        </Group>
      </Group>
      <Text size="xs" c="dimmed" mt={4} className="tabular">
        {series.slices} slices of {series.columns} × {series.rows} · pixel {series.row_spacing.toFixed(2)} × {series.column_spacing.toFixed(2)} mm ·
        slices {series.slice_spacing.toFixed(2)} mm apart · {series.manufacturer || 'manufacturer unknown'}
        {series.field_strength != null && ` · ${series.field_strength} T`}
      </Text>
      {lines.length > 0 && (
        <List size="xs" mt={6} spacing={2} aria-label="Why it counts or not">
          {lines.map((line) => <List.Item key={line}>{line}</List.Item>)}
        </List>
      )}
      <Modal opened={opened} onClose={close} size="90vw" title={name} closeButtonProps={{ 'aria-label': 'Close' }}>
        <div style={{ height: 'calc(100vh - 170px)' }}><SeriesImages seriesUid={series.series_uid} label={role ?? name} /></div>
      </Modal>
    </Paper>
  );
}
