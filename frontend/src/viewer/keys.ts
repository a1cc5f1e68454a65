import type { ViewerHandle } from './types';

export interface ViewerKey {
  /** What the cheat sheet shows. */
  keys: string;
  does: string;
}

/** The viewer's own keys, for cheat sheets. */
export const VIEWER_KEYS: ViewerKey[] = [
  { keys: '← →', does: 'Slice before, slice after' },
  { keys: 'Home End', does: 'First, last slice' },
  { keys: 'Shift 1 – 5', does: 'Window presets' },
  { keys: 'W Z P M', does: 'Left button: window, zoom, pan, measure' },
  { keys: 'I', does: 'Invert' },
  { keys: 'R', does: 'Reset window, zoom and pan' },
  { keys: 'L', does: 'Link or unlink the scans; linking matches the slices on screen' },
  { keys: 'E', does: 'Enlarge the active scan, or show both' },
  { keys: 'Delete', does: 'Remove the selected measurement' },
];

/** Does what the key says; false when it says nothing to the viewer. */
export function handleViewerKey(viewer: ViewerHandle, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.shiftKey) {
    const digit = /^Digit([1-5])$/.exec(event.code)?.[1];
    if (!digit) return false;
    viewer.preset(Number(digit) - 1);
    return true;
  }
  switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
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
    case 'w':
      viewer.setTool('window');
      return true;
    case 'z':
      viewer.setTool('zoom');
      return true;
    case 'p':
      viewer.setTool('pan');
      return true;
    case 'm':
      viewer.setTool('length');
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
    case 'e':
      viewer.toggleSolo();
      return true;
    case 'Delete':
    case 'Backspace':
      return viewer.removeSelectedMeasurement();
    default:
      return false;
  }
}
