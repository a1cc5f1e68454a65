import { Kbd, Modal, Stack, Table, Title } from '@mantine/core';

import { KeysSwitch } from '@/components/keys-switch';

import { type RoomKey, viewerKeys } from './room-keys';

const MOUSE = [
  { keys: 'Wheel', does: 'Scroll slices' },
  { keys: 'Left', does: 'The chosen tool' },
  { keys: 'Middle', does: 'Pan' },
  { keys: 'Right', does: 'Zoom' },
];
const OF_TWO = { keys: 'Double click', does: 'Enlarge one scan' };

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Those that the room listens to. */
  keys: readonly RoomKey[];
  scans: number;
  /** Nothing can be measured. */
  locked?: boolean;
  /** Single characters work wherever the focus is. */
  anywhere: boolean;
  onAnywhere: (anywhere: boolean) => void;
}

/** Every key and button of a room, made from the tables that the keys are read from. */
export function CheatSheet({ opened, onClose, keys, scans, locked, anywhere, onAnywhere }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="lg" centered>
      <Stack gap="sm">
        <KeysSwitch anywhere={anywhere} onAnywhere={onAnywhere} at="a score or an image" />
        <Section title="Scoring" rows={keys} />
        <Section title="Images" rows={viewerKeys(scans, locked)} />
        <Section title="Mouse on an image" rows={scans > 1 ? [...MOUSE, OF_TWO] : MOUSE} />
      </Stack>
    </Modal>
  );
}

function Section({ title, rows }: { title: string; rows: readonly { keys: string; does: string }[] }) {
  return (
    <section aria-label={title}>
      <Title order={3} size="h5" mb={4}>
        {title}
      </Title>
      <Table withRowBorders={false} verticalSpacing={2}>
        <Table.Tbody>
          {rows.map(({ keys, does }) => (
            <Table.Tr key={keys}>
              <Table.Td w={160}>
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
