import { isPressable } from '@/lib/keys';

import { KINDS, MEASURING } from './measure';
import type { ToolName, ViewerHandle } from './types';

export interface ViewerKey {
  /** What the cheat sheet shows. */
  keys: string;
  does: string;
  /** Means something only where something can be measured, or where there are two scans. */
  needs?: 'measuring' | 'pair';
}

/** The viewer's own keys, for cheat sheets. Undoing is the page's. */
export const VIEWER_KEYS: ViewerKey[] = [
  { keys: '← →', does: 'Slice before, slice after' },
  { keys: 'Home End', does: 'First, last slice' },
  { keys: 'X', does: 'Next series of the active scan, where it has more than one' },
  { keys: 'A', does: 'Cine: play the stack, stop it' },
  { keys: 'Shift 1 – 5', does: 'Window presets; the last one is remembered' },
  { keys: 'W Z P', does: 'Left button: window, zoom, pan' },
  { keys: 'Shift ← ↑ ↓ →', does: 'What a drag with that tool does: width and brightness, zoom, or pan' },
  ...MEASURING.map((kind) => ({ keys: KINDS[kind].key, does: `Left button: ${KINDS[kind].label}`, needs: 'measuring' as const })),
  { keys: 'Space', does: 'With such a tool: a point in the middle. Arrow keys move it, Space or Enter places it; then the next one', needs: 'measuring' },
  { keys: '← ↑ ↓ →', does: 'On a point of a measurement: move it by half a pixel, with Shift by five pixels', needs: 'measuring' },
  { keys: 'Delete', does: 'Take back a point, or remove the selected measurement on screen', needs: 'measuring' },
  { keys: 'Esc', does: 'Give up a measurement, or let go of it; then back to the window tool', needs: 'measuring' },
  { keys: 'I', does: 'Invert' },
  { keys: 'R', does: 'Reset window, zoom and pan' },
  { keys: 'L', does: 'Link or unlink the scans; linking matches the slices on screen', needs: 'pair' },
  { keys: '[ ], < >', does: 'Shift the other scan by a slice against this one', needs: 'pair' },
  { keys: 'J', does: 'Join the windows of both scans, or part them', needs: 'pair' },
  { keys: 'E', does: 'Enlarge the active scan, or show both', needs: 'pair' },
];

const TOOL_KEYS: Record<string, ToolName> = {
  w: 'window',
  z: 'zoom',
  p: 'pan',
  ...Object.fromEntries(MEASURING.map((kind) => [KINDS[kind].key.toLowerCase(), kind])),
};

/** Steps to the right and up. */
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Two pairs: the first needs AltGr or Option on many keyboards, the second Shift on others. */
const SHIFTS: Record<string, number> = { '[': -1, '<': -1, ']': 1, '>': 1 };

/** Does what the key says; false when it says nothing to the viewer. */
export function handleViewerKey(viewer: ViewerHandle, event: KeyboardEvent): boolean {
  const shift = SHIFTS[event.key];
  if (shift && !event.metaKey && (!event.ctrlKey || event.getModifierState('AltGraph'))) {
    viewer.shiftLink(shift);
    return true;
  }
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    const letter = event.key.toLowerCase();
    if (letter === 'z') return event.shiftKey ? viewer.redo() : viewer.undo();
    return letter === 'y' && viewer.redo();
  }
  if (event.shiftKey) {
    const arrow = ARROWS[event.key];
    if (arrow) return viewer.step(...arrow);
    const digit = /^Digit([1-5])$/.exec(event.code)?.[1];
    if (!digit) return false;
    viewer.preset(Number(digit) - 1);
    return true;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const tool = TOOL_KEYS[key];
  if (tool) {
    viewer.setTool(tool);
    return true;
  }
  switch (key) {
    case 'ArrowLeft':
      viewer.scroll(-1);
      return true;
    case 'ArrowRight':
      viewer.scroll(1);
      return true;
    case 'Home':
      viewer.goTo(0);
      return true;
    case 'End':
      viewer.goTo(Number.MAX_SAFE_INTEGER);
      return true;
    case 'x':
      viewer.nextSeries();
      return true;
    case 'a':
      viewer.toggleCine();
      return true;
    case 'i':
      viewer.invert();
      return true;
    case 'r':
      viewer.reset();
      return true;
    case 'l':
      viewer.toggleLink();
      return true;
    case 'j':
      viewer.toggleLinkedWindow();
      return true;
    case 'e':
      viewer.toggleSolo();
      return true;
    case ' ':
      return !isPressable(event.target) && viewer.aim();
    case 'Escape':
      return viewer.cancel();
    case 'Delete':
    case 'Backspace':
      return viewer.removeSelectedMeasurement();
    default:
      return false;
  }
}
