import { ActionIcon } from '@mantine/core';
import { IconLayoutSidebar, IconLayoutSidebarRight } from '@tabler/icons-react';

type Side = 'left' | 'right';

/** Puts the scores on the other side of the images, away from the hand on the mouse. */
export function SideButton({ side, onSide }: { side: Side; onSide: (side: Side) => void }) {
  const other = side === 'right' ? 'left' : 'right';
  return (
    <ActionIcon variant="subtle" size={30} aria-label={`Scores on the ${other}`} title={`Scores on the ${other}`} onClick={() => onSide(other)}>
      {side === 'right' ? <IconLayoutSidebar size={18} aria-hidden /> : <IconLayoutSidebarRight size={18} aria-hidden />}
    </ActionIcon>
  );
}
