import { Kbd, Modal, Stack, Switch, Table, Title } from '@mantine/core';

import { VIEWER_KEYS } from '@/viewer';

import { ROOM_KEYS } from './room-keys';

const MOUSE = [
  { keys: 'Wheel', does: 'Scroll slices' },
  { keys: 'Left', does: 'The chosen tool' },
  { keys: 'Middle', does: 'Pan' },
  { keys: 'Right', does: 'Zoom' },
  { keys: 'Double click', does: 'Enlarge one scan' },
];

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Single characters work wherever the focus is. */
  anywhere: boolean;
  onAnywhere: (anywhere: boolean) => void;
}

/** Every key and button of the reading room, made from the tables that the keys are read from. */
export function CheatSheet({ opened, onClose, anywhere, onAnywhere }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="lg" centered>
      <Stack gap="sm">
        <Switch
          label="Letters, digits and signs work wherever the focus is"
          description="Off: only on a score or an image that has the focus. For speech input, which types them anywhere."
          checked={anywhere}
          onChange={(event) => onAnywhere(event.currentTarget.checked)}
        />
        <Section title="Scoring" rows={ROOM_KEYS} />
        <Section title="Images" rows={VIEWER_KEYS} />
        <Section title="Mouse on an image" rows={MOUSE} />
      </Stack>
    </Modal>
  );
}

function Section({ title, rows }: { title: string; rows: { keys: string; does: string }[] }) {
  return (
    <section aria-label={title}>
      <Title order={3} size="h5" mb={4}>
        {title}
      </Title>
      <Table withRowBorders={false} verticalSpacing={2}>
        <Table.Tbody>
          {rows.map(({ keys, does }) => (
            <Table.Tr key={keys}>
              <Table.Td w={130}>
                <Kbd>{keys}</Kbd>
              </Table.Td>
              <Table.Td>{does}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
