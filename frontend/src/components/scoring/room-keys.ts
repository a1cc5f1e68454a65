import { isPressable } from '@/lib/pressable';

import { type Finding, type GradeOption, optionFor } from './rubric';

/** What a key does in the score panel; keys that mean nothing there go to the viewer. */
export type RoomAction =
  | { type: 'grade'; option: GradeOption }
  | { type: 'move'; by: number }
  | { type: 'scan'; index: number }
  | { type: 'same' | 'accept' | 'comment' | 'keySlice' | 'showKeySlice' | 'examples' | 'sign' | 'help' };

export const ROOM_KEYS: { keys: string; does: string }[] = [
  { keys: '0 1 2 –', does: 'Grade the finding (the numbers stand on its buttons; – is “not visible”)' },
  { keys: '↑ ↓', does: 'Finding before, finding after' },
  { keys: 'Tab', does: 'Next scan, then next finding' },
  { keys: 'B F', does: 'Baseline, follow-up' },
  { keys: 'S', does: 'Follow-up same as baseline, for this finding' },
  { keys: 'Y', does: 'Accept the grade that McRae’s line proposes' },
  { keys: 'C', does: 'Comment on the finding, or name the reason to exclude; Esc goes back' },
  { keys: 'K', does: 'Mark the slice as key slice of the finding, or take the mark away' },
  { keys: 'G', does: 'Go to the key slice' },
  { keys: 'H', does: 'Pictures of the finding’s grades, from phantoms' },
  { keys: 'Enter', does: 'Sign; jumps to what is still missing' },
  { keys: '?', does: 'This sheet' },
];

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

export function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable="true"]');
}

/**
 * Whether a key is meant for the room. A reader may keep single characters to scores and images that have
 * the focus (WCAG 2.1.4): speech input types them wherever the focus is.
 */
export function isHeard(event: KeyboardEvent, anywhere: boolean): boolean {
  const character = event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey;
  return anywhere || !character || (event.target instanceof Element && event.target.closest('[data-keys]') !== null);
}

/** The digit a key of the row above the letters stands for; French keyboards write it with Shift only. */
function digitOf({ code, key }: KeyboardEvent): string {
  return /^\d$/.test(key) ? key : (/^Digit(\d)$/.exec(code)?.[1] ?? '');
}

/** The panel's action for a key, or null. */
export function roomAction(event: KeyboardEvent, row: Finding | undefined): RoomAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey || isEditable(event.target)) return null;
  if (event.key === '?') return { type: 'help' };
  if (event.shiftKey) return null;
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
      return LETTERS[event.key.toLowerCase()] ?? null;
  }
}
