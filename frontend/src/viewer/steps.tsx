import { ActionIcon } from '@mantine/core';
import {
  IconArrowDown, IconArrowLeft, IconArrowRight, IconArrowsMove, IconArrowUp, IconFold, IconArrowAutofitWidth, IconMoon, IconSun, IconZoomIn, IconZoomOut,
} from '@tabler/icons-react';
import { type ComponentType, useState } from 'react';

import type { Selected } from './measurement-book';
import type { ViewerSession } from './session';
import classes from './viewer.module.css';

interface Step {
  label: string;
  icon: ComponentType<{ size: number; stroke: number }>;
  /** To the right and up. */
  by: [number, number];
}

const arrows = (what: string): Step[] => [
  { label: `${what} left`, icon: IconArrowLeft, by: [-1, 0] },
  { label: `${what} up`, icon: IconArrowUp, by: [0, 1] },
  { label: `${what} down`, icon: IconArrowDown, by: [0, -1] },
  { label: `${what} right`, icon: IconArrowRight, by: [1, 0] },
];
const VIEW: { tool: 'window' | 'zoom' | 'pan'; title: string; steps: Step[] }[] = [
  {
    tool: 'window',
    title: 'Window',
    steps: [
      { label: 'Narrower window', icon: IconFold, by: [-1, 0] },
      { label: 'Wider window', icon: IconArrowAutofitWidth, by: [1, 0] },
      { label: 'Darker', icon: IconMoon, by: [0, -1] },
      { label: 'Brighter', icon: IconSun, by: [0, 1] },
    ],
  },
  {
    tool: 'zoom',
    title: 'Zoom',
    steps: [
      { label: 'Smaller', icon: IconZoomOut, by: [0, -1] },
      { label: 'Larger', icon: IconZoomIn, by: [0, 1] },
    ],
  },
  { tool: 'pan', title: 'Pan', steps: arrows('Image') },
];

/** What dragging does, by clicks alone (WCAG 2.5.7): the window, zoom, pan, and a measurement's points. */
export function Steps({ session, selected }: { session: ViewerSession; selected: Selected | null }) {
  const [open, setOpen] = useState(false);
  const what = selected && !session.locked ? (selected.point === null ? 'Measurement' : 'Point') : null;
  return (
    <>
      <ActionIcon
        variant={open ? 'filled' : 'subtle'}
        size={30}
        aria-label="Steps instead of dragging"
        title="Steps instead of dragging"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <IconArrowsMove size={19} stroke={1.6} />
      </ActionIcon>
      {open && (
        <div role="group" aria-label="Steps instead of dragging" className={classes.steps}>
          {VIEW.map(({ tool, title, steps }) => (
            <Row key={tool} title={title} steps={steps} onStep={(right, up) => session.step(right, up, tool)} />
          ))}
          {what ? (
            <Row title={what} steps={arrows(what)} onStep={(right, up) => session.nudge(right, up)} />
          ) : (
            !session.locked && <small>Click a measurement’s point to move it from here.</small>
          )}
        </div>
      )}
    </>
  );
}

function Row({ title, steps, onStep }: { title: string; steps: Step[]; onStep: (right: number, up: number) => void }) {
  return (
    <div>
      <span>{title}</span>
      {steps.map(({ label, icon: Icon, by }) => (
        <ActionIcon key={label} variant="subtle" size={30} aria-label={label} title={label} onClick={() => onStep(...by)}>
          <Icon size={18} stroke={1.6} />
        </ActionIcon>
      ))}
    </div>
  );
}
