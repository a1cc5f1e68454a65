import { Alert, Anchor, Drawer, Group, Paper, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { Hash } from '@/components/hash';
import { QueryView } from '@/components/query-view';
import { dateTime, words } from '@/lib/format';

import { type Label, labelQuery } from './api';
import { CategoryBadge } from './category-badge';
import { HOW, SCAN } from './wording';

interface Props {
  id: number | null;
  onClose: () => void;
}

/** From a label to the reads behind it. */
export function LabelDrawer({ id, onClose }: Props) {
  return (
    <Drawer opened={id !== null} onClose={onClose} position="right" size="lg" title="Where this label comes from" closeButtonProps={{ 'aria-label': 'Close' }}>
      {id !== null && <Provenance id={id} />}
    </Drawer>
  );
}

function Provenance({ id }: { id: number }) {
  const label = useQuery(labelQuery(id));
  return <QueryView query={label}>{(data) => <Details label={data} />}</QueryView>;
}

function Details({ label }: { label: Label }) {
  return (
    <Stack>
      <Group gap="sm">
        <Anchor component={Link} to={`/cohort/patients/${label.patient}`} ff="monospace">{label.patient}</Anchor>
        <Text size="sm">{SCAN[label.scan] ?? label.scan}</Text>
        <CategoryBadge category={label.category} />
      </Group>
      <Alert variant="light" p="xs" title={HOW[label.how]?.label ?? words(label.how)}>
        <Text size="sm">{HOW[label.how]?.meaning} Decided {dateTime(label.decided_at)}.</Text>
      </Alert>
      <Table aria-label="Final grades">
        <Table.Tbody>
          {Object.entries(label.grades).map(([finding, grade]) => (
            <Table.Tr key={finding}>
              <Table.Th scope="row" fw={500}>{words(finding)}</Table.Th>
              <Table.Td>{grade === null ? 'observers differed; does not affect the category' : grade === 'not_visible' ? 'not visible' : grade}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text fw={600} size="sm">Signed reads behind it</Text>
      {label.readings.map((reading) => (
        <Paper key={reading.id} withBorder p="sm">
          <Group justify="space-between">
            <Text size="sm" fw={600}>
              {reading.reader} · {reading.kind === 'adjudication' ? 'adjudication' : 'independent read'}
              {reading.version > 1 && ` · version ${reading.version}`}
            </Text>
            {reading.categories[label.scan] && <CategoryBadge category={reading.categories[label.scan] ?? ''} />}
          </Group>
          <Group gap="xs" mt={4}>
            <Text size="xs" c="dimmed">Signed {dateTime(reading.signed_at)} · content</Text>
            <Hash value={reading.content_hash} />
          </Group>
        </Paper>
      ))}
    </Stack>
  );
}
