import { isEditable, isPressable } from '@/lib/keys';
import { KINDS, VIEWER_KEYS } from '@/viewer';

import { type Finding, type GradeOption, optionFor } from './rubric';

/** What a key does in the score panel; keys that mean nothing there go to the viewer. */
export type RoomAction =
  | { type: 'grade'; option: GradeOption }
  | { type: 'move'; by: number }
  | { type: 'scan'; index: number }
  | { type: 'same' | 'sameAll' | 'accept' | 'comment' | 'keySlice' | 'showKeySlice' | 'examples' | 'undo' | 'redo' | 'sign' | 'help' };

export type RoomAct = RoomAction['type'];

export interface RoomKey {
  act: RoomAct;
  keys: string;
  does: string;
  /** Only where there are two scans. */
  pair?: true;
}

/** Every key of every room. A room's own are `roomKeys`: its sheet is made of what it listens to. */
const KEYS: RoomKey[] = [
  { act: 'grade', keys: '0 1 2 –', does: 'Grade the finding (the numbers stand on its buttons; – is “not visible”)' },
  { act: 'move', keys: '↑ ↓', does: 'Finding before, finding after' },
  { act: 'move', keys: 'Tab', does: 'Next grades of the form' },
  { act: 'scan', keys: 'B F', does: 'Baseline, follow-up', pair: true },
  { act: 'same', keys: 'S', does: 'Follow-up same as baseline, for this finding', pair: true },
  { act: 'sameAll', keys: 'Shift S', does: 'Follow-up same as baseline, for all findings', pair: true },
  { act: 'accept', keys: 'Y', does: 'Accept the grade that McRae’s line proposes' },
  { act: 'comment', keys: 'C', does: 'Comment on the finding, or name the reason to exclude; Esc goes back' },
  { act: 'keySlice', keys: 'K', does: 'Mark the slice as key slice of the finding, or take the mark away' },
  { act: 'showKeySlice', keys: 'G', does: 'Go to the key slice' },
  { act: 'examples', keys: 'H', does: 'Pictures of the finding’s grades, from phantoms' },
  { act: 'undo', keys: 'Ctrl Z, Ctrl Y', does: 'Undo, redo: grades, comments, key slices and measuring, the last first' },
  { act: 'sign', keys: 'Enter', does: 'Sign; jumps to what is still missing' },
  { act: 'help', keys: '?', does: 'This sheet' },
];

/** The keys of a room that does `acts`, with its own words for some of them. */
export function roomKeys(acts: readonly RoomAct[], scans: number, words: Partial<Record<RoomAct, string>> = {}): RoomKey[] {
  return KEYS.filter(({ act, pair }) => acts.includes(act) && (!pair || scans > 1)).map((one) => ({ ...one, does: words[one.act] ?? one.does }));
}

/** The viewer's keys that do something: `locked` where nothing can be measured. */
export function viewerKeys(scans: number, locked = false): typeof VIEWER_KEYS {
  return VIEWER_KEYS.filter(({ needs }) => !(needs === 'measuring' && locked) && !(needs === 'pair' && scans < 2));
}

/** A key that picks a measurement, where none can be made: it is left to the browser. */
export function isMeasuring(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
  return Object.values(KINDS).some(({ key }) => key === event.key.toUpperCase());
}

const LETTERS: Record<string, RoomAction> = {
  b: { type: 'scan', index: 0 },
  f: { type: 'scan', index: 1 },
  s: { type: 'same' },
  y: { type: 'accept' },
  c: { type: 'comment' },
  k: { type: 'keySlice' },
  g: { type: 'showKeySlice' },
  h: { type: 'examples' },
};

/** The digit a key of the row above the letters stands for; French keyboards write it with Shift only. */
function digitOf({ code, key }: KeyboardEvent): string {
  return /^\d$/.test(key) ? key : (/^Digit(\d)$/.exec(code)?.[1] ?? '');
}

/** The action of one of the room's `keys`, or null. */
export function roomAction(event: KeyboardEvent, row: Finding | undefined, keys: readonly RoomKey[]): RoomAction | null {
  const action = anyAction(event, row);
  // Redo has no line of its own.
  const act = action?.type === 'redo' ? 'undo' : action?.type;
  return keys.some((one) => one.act === act) ? action : null;
}

function anyAction(event: KeyboardEvent, row: Finding | undefined): RoomAction | null {
  if (event.altKey || isEditable(event.target)) return null;
  const letter = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (letter === 'z') return { type: event.shiftKey ? 'redo' : 'undo' };
    return letter === 'y' ? { type: 'redo' } : null;
  }
  if (event.key === '?') return { type: 'help' };
  if (event.shiftKey) return letter === 's' ? { type: 'sameAll' } : null;
  const written = event.key === '–' ? '-' : event.key;
  const digit = event.getModifierState('AltGraph') ? '' : digitOf(event);
  const option = row && (optionFor(row, written) ?? optionFor(row, digit));
  if (option) return { type: 'grade', option };
  switch (event.key) {
    case 'ArrowUp':
      return { type: 'move', by: -1 };
    case 'ArrowDown':
      return { type: 'move', by: 1 };
    case 'Enter':
      return isPressable(event.target) ? null : { type: 'sign' };
    default:
      return LETTERS[letter] ?? null;
  }
}
