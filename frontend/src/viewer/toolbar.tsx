import { ActionIcon, Group, Menu, Tooltip } from '@mantine/core';
import {
  IconAdjustments, IconAngle, IconArrowBackUp, IconArrowForwardUp, IconArrowsMaximize, IconArrowsMinimize, IconChevronLeft,
  IconChevronRight, IconColorPicker, IconContrast, IconContrast2, IconHandMove, IconLink, IconLinkOff, IconOvalVertical,
  IconPlayerPause, IconPlayerPlay, IconRefresh, IconRuler2, IconSunHigh, IconZoom,
} from '@tabler/icons-react';
import { memo, type ReactNode } from 'react';

import { KINDS } from './measure';
import type { ViewerSession } from './session';
import type { SessionState } from './session-state';
import { RendererMenu } from './renderer-menu';
import type { RenderMode } from './start';
import { Steps } from './steps';
import type { MeasurementKind, ToolName } from './types';
import classes from './viewer.module.css';
import { PRESETS } from './windowing';

const DRIVEN = {
  window: { label: 'Window', key: 'W', icon: IconContrast2, steps: 'Shift ← → width, Shift ↑ ↓ brightness' },
  zoom: { label: 'Zoom', key: 'Z', icon: IconZoom, steps: 'Shift ↑ ↓' },
  pan: { label: 'Pan', key: 'P', icon: IconHandMove, steps: 'Shift ← ↑ ↓ →' },
};
/** Named measurements go by what readers call them. */
const SIGNS: Record<MeasurementKind, ReactNode> = {
  mcrae: 'McR',
  atlantodental: 'ADI',
  retro_odontoid: 'ROT',
  length: <IconRuler2 size={19} stroke={1.6} />,
  angle: <IconAngle size={19} stroke={1.6} />,
  ellipse: <IconOvalVertical size={19} stroke={1.6} />,
  probe: <IconColorPicker size={19} stroke={1.6} />,
};

function isMeasuring(tool: ToolName): tool is MeasurementKind {
  return tool in KINDS;
}

/** What of the session's state is seen here. */
const SEEN = ['tool', 'canUndo', 'canRedo', 'preset', 'cine', 'linked', 'offsetMm', 'linkedWindow', 'solo', 'selected'] as const;

export interface Undoing {
  step: (way: 'undo' | 'redo') => void;
  canUndo: boolean;
  canRedo: boolean;
}

interface Props {
  session: ViewerSession;
  state: Pick<SessionState, (typeof SEEN)[number]>;
  tools: ToolName[];
  pair: boolean;
  undoing?: Undoing;
  /** The reader's choice. */
  renderer: RenderMode | null;
  onRenderer: (mode: RenderMode | null) => void;
}

/** Drawn again only when something seen here has changed: its tooltips take longer than a slice that moves. */
export const Toolbar = memo(
  Buttons,
  (before, after) =>
    before.session === after.session &&
    before.tools === after.tools &&
    before.pair === after.pair &&
    before.undoing === after.undoing &&
    before.renderer === after.renderer &&
    SEEN.every((key) => before.state[key] === after.state[key]),
);

function Buttons({ session, state, tools, pair, undoing, renderer, onRenderer }: Props) {
  const step = undoing?.step ?? ((way) => session[way]());
  return (
    <Group role="toolbar" aria-label="Image tools" gap={4} className={classes.toolbar} wrap="nowrap">
      {tools.map((name) => {
        const measures = isMeasuring(name);
        const { label, key } = measures ? KINDS[name] : DRIVEN[name];
        const Icon = measures ? null : DRIVEN[name].icon;
        const sign = measures ? SIGNS[name] : null; // a name contains what is seen
        return (
          <Tool
            key={name}
            label={typeof sign === 'string' ? `${sign} · ${label}` : label}
            shortcut={key}
            steps={measures ? 'Space, then arrows' : DRIVEN[name].steps}
            pressed={state.tool === name}
            onClick={() => session.setTool(name)}
          >
            {sign ?? (Icon && <Icon size={19} stroke={1.6} />)}
          </Tool>
        );
      })}
      {(undoing || tools.some(isMeasuring)) && (
        <>
          <Tool label="Undo" shortcut="Ctrl Z" disabled={!(state.canUndo || undoing?.canUndo)} onClick={() => step('undo')}>
            <IconArrowBackUp size={19} stroke={1.6} />
          </Tool>
          <Tool label="Redo" shortcut="Ctrl Y" disabled={!(undoing ?? state).canRedo} onClick={() => step('redo')}>
            <IconArrowForwardUp size={19} stroke={1.6} />
          </Tool>
        </>
      )}
      <span className={classes.divider} />
      <Menu position="bottom-start" withinPortal={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" size={30} aria-label="Window presets">
            <IconAdjustments size={19} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {PRESETS.map(({ name }, index) => (
            <Menu.Item key={name} leftSection={index === state.preset ? '•' : ' '} rightSection={`Shift ${index + 1}`} onClick={() => session.preset(index)}>
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tool label="Cine" shortcut="A" pressed={state.cine} onClick={() => session.toggleCine()}>
        {state.cine ? <IconPlayerPause size={19} stroke={1.6} /> : <IconPlayerPlay size={19} stroke={1.6} />}
      </Tool>
      <Tool label="Invert" shortcut="I" onClick={() => session.invert()}>
        <IconContrast size={19} stroke={1.6} />
      </Tool>
      <Tool label="Reset view" shortcut="R" onClick={() => session.reset()}>
        <IconRefresh size={19} stroke={1.6} />
      </Tool>
      <Steps session={session} selected={state.selected} />
      {pair && (
        <>
          <span className={classes.divider} />
          <Tool label="Link scans" shortcut="L" pressed={state.linked} onClick={() => session.toggleLink()}>
            {state.linked ? <IconLink size={19} stroke={1.6} /> : <IconLinkOff size={19} stroke={1.6} />}
          </Tool>
          <Tool label="Shift the other scan back" shortcut="[" onClick={() => session.shiftLink(-1)}>
            <IconChevronLeft size={19} stroke={1.6} />
          </Tool>
          <Tool label="Shift the other scan on" shortcut="]" onClick={() => session.shiftLink(1)}>
            <IconChevronRight size={19} stroke={1.6} />
          </Tool>
          {Math.abs(state.offsetMm) > 0.05 && (
            <button type="button" className={classes.offset} title="Match the middles again" onClick={() => session.resetOffset()}>
              {state.offsetMm > 0 ? '+' : '−'}
              {Math.abs(state.offsetMm).toFixed(1)} mm
            </button>
          )}
          <Tool label="Join windows" shortcut="J" pressed={state.linkedWindow} onClick={() => session.toggleLinkedWindow()}>
            <IconSunHigh size={19} stroke={1.6} />
          </Tool>
          <Tool label="Enlarge one scan" shortcut="E" pressed={state.solo !== null} onClick={() => session.toggleSolo()}>
            {state.solo ? <IconArrowsMinimize size={19} stroke={1.6} /> : <IconArrowsMaximize size={19} stroke={1.6} />}
          </Tool>
        </>
      )}
      <RendererMenu kept={renderer} onPick={onRenderer} />
    </Group>
  );
}

function Tool({ label, shortcut, steps, pressed, disabled, onClick, children }: {
  label: string;
  disabled?: boolean;
  shortcut: string;
  /** The keys that do what dragging with it does. */
  steps?: string;
  pressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={`${label} (${shortcut})${steps ? `, by key: ${steps}` : ''}`} openDelay={400} withinPortal={false}>
      <ActionIcon
        variant={pressed ? 'filled' : 'subtle'}
        size={30}
        aria-label={label}
        aria-pressed={pressed}
        aria-keyshortcuts={shortcut.replace('Ctrl ', 'Control+')}
        disabled={disabled}
        fz={12}
        fw={700}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
