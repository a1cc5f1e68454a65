import { ActionIcon, Group, Menu, Tooltip } from '@mantine/core';
import {
  IconAdjustments, IconArrowsMaximize, IconArrowsMinimize, IconContrast, IconContrast2, IconHandMove, IconLink,
  IconLinkOff, IconRefresh, IconRuler2, IconZoom,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';

import type { SessionState, ViewerSession } from './session';
import { renderMode } from './start';
import type { ToolName } from './types';
import classes from './viewer.module.css';
import { PRESETS } from './windowing';

const TOOLS: Record<ToolName, { label: string; key: string; icon: typeof IconZoom }> = {
  window: { label: 'Window', key: 'W', icon: IconContrast2 },
  zoom: { label: 'Zoom', key: 'Z', icon: IconZoom },
  pan: { label: 'Pan', key: 'P', icon: IconHandMove },
  length: { label: 'Measure length', key: 'M', icon: IconRuler2 },
};

interface Props {
  session: ViewerSession;
  state: SessionState;
  tools: ToolName[];
  pair: boolean;
}

export function Toolbar({ session, state, tools, pair }: Props) {
  return (
    <Group role="toolbar" aria-label="Image tools" gap={4} className={classes.toolbar} wrap="nowrap">
      {tools.map((name) => {
        const { label, key, icon: Icon } = TOOLS[name];
        return (
          <Tool key={name} label={label} shortcut={key} pressed={state.tool === name} onClick={() => session.setTool(name)}>
            <Icon size={20} stroke={1.6} />
          </Tool>
        );
      })}
      <span className={classes.divider} />
      <Menu position="bottom-start" withinPortal={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" size="lg" aria-label="Window presets">
            <IconAdjustments size={20} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {PRESETS.map(({ name }, index) => (
            <Menu.Item key={name} rightSection={`Shift ${index + 1}`} onClick={() => session.preset(index)}>
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tool label="Invert" shortcut="I" onClick={() => session.invert()}>
        <IconContrast size={20} stroke={1.6} />
      </Tool>
      <Tool label="Reset view" shortcut="R" onClick={() => session.reset()}>
        <IconRefresh size={20} stroke={1.6} />
      </Tool>
      {pair && (
        <>
          <span className={classes.divider} />
          <Tool label="Link scans" shortcut="L" pressed={state.linked} onClick={() => session.toggleLink()}>
            {state.linked ? <IconLink size={20} stroke={1.6} /> : <IconLinkOff size={20} stroke={1.6} />}
          </Tool>
          <Tool label="Enlarge one scan" shortcut="E" pressed={state.solo !== null} onClick={() => session.toggleSolo()}>
            {state.solo ? <IconArrowsMinimize size={20} stroke={1.6} /> : <IconArrowsMaximize size={20} stroke={1.6} />}
          </Tool>
        </>
      )}
      {renderMode() === 'cpu' && <span className={classes.mode}>CPU rendering</span>}
    </Group>
  );
}

function Tool({ label, shortcut, pressed, onClick, children }: {
  label: string;
  shortcut: string;
  pressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={`${label} (${shortcut})`} openDelay={400} withinPortal={false}>
      <ActionIcon
        variant={pressed ? 'filled' : 'subtle'}
        size="lg"
        aria-label={label}
        aria-pressed={pressed}
        aria-keyshortcuts={shortcut}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
