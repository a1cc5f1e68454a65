import { Menu } from '@mantine/core';

import { hasWebGl, renderMode, type RenderMode } from './start';
import classes from './viewer.module.css';

const CHOICES: { mode: RenderMode | null; label: string }[] = [
  { mode: null, label: 'Automatic' },
  { mode: 'gpu', label: 'Graphics card (WebGL)' },
  { mode: 'cpu', label: 'Processor (CPU)' },
];

/** What draws the images, and another choice where there is one; this browser remembers it. */
export function RendererMenu({ kept, onPick }: { kept: RenderMode | null; onPick: (mode: RenderMode | null) => void }) {
  if (!hasWebGl()) {
    return (
      <span className={classes.mode} data-testid="render-mode">
        No WebGL: CPU rendering
      </span>
    );
  }
  return (
    <Menu position="bottom-end" withinPortal={false}>
      <Menu.Target>
        <button type="button" className={classes.mode} data-testid="render-mode">
          {renderMode() === 'cpu' ? 'CPU rendering' : 'GPU rendering'}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Images are drawn by. Values and measurements are the same.</Menu.Label>
        {CHOICES.map(({ mode, label }) => (
          <Menu.Item key={label} leftSection={mode === kept ? '•' : ' '} onClick={() => onPick(mode)}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
