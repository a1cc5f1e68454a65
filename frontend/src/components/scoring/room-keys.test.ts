import { expect, it } from 'vitest';

import { isHeard, isHeld } from '@/lib/keys';

import { roomAction, roomKeys, viewerKeys } from './room-keys';
import type { Finding } from './rubric';

const row: Finding = {
  key: 'pannus', label: 'Pannus', help: '',
  grades: [0, 1, 2, 'not_visible'].map((value) => ({ value, label: '', description: '', shortcut: value === 'not_visible' ? '-' : String(value) })),
};
const EVERY = roomKeys(['grade', 'sameAll', 'undo'], 2);
const graded = (key: string, code: string, more: KeyboardEventInit = {}) => {
  const action = roomAction(new KeyboardEvent('keydown', { key, code, ...more }), row, EVERY);
  return action?.type === 'grade' ? action.option.value : null;
};

it.each<[string, string, string, KeyboardEventInit, unknown]>([
  ['an American keyboard', '2', 'Digit2', {}, 2],
  ['its block of numbers', '2', 'Numpad2', {}, 2],
  ['a French keyboard, which writes é there', 'é', 'Digit2', {}, 2],
  ['a French keyboard, whose row of digits has the dash', '-', 'Digit6', {}, 'not_visible'],
  ['digits in another order: what is written counts', '7', 'Digit1', {}, null],
  ['Shift, which is for window presets', '"', 'Digit2', { shiftKey: true }, null],
  ['AltGr, which writes a sign', '~', 'Digit2', { modifierAltGraph: true }, null],
])('grades by %s', (_, key, code, more, value) => expect(graded(key, code, more)).toBe(value));

it('hears single characters at scores and images only, where the reader wants that', () => {
  document.body.innerHTML = '<div data-keys><button id="score"></button></div><button id="other"></button>';
  const heard = (id: string, key: string, anywhere: boolean, more: KeyboardEventInit = {}) => {
    let answer = false;
    const ask = (event: KeyboardEvent) => (answer = isHeard(event, anywhere));
    document.addEventListener('keydown', ask, { once: true });
    document.getElementById(id)?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...more }));
    return answer;
  };
  expect(heard('other', 's', true)).toBe(true);
  expect(heard('other', 's', false)).toBe(false);
  expect(heard('other', '!', false, { shiftKey: true })).toBe(false);
  expect(heard('score', 's', false)).toBe(true);
  for (const key of ['ArrowDown', 'Enter', 'Delete', ' ']) expect(heard('other', key, false)).toBe(true);
  expect(heard('other', 'z', false, { ctrlKey: true })).toBe(true);
});

it('does once what a held key would do and undo', () => {
  const held = (key: string, more: KeyboardEventInit = {}) => isHeld(new KeyboardEvent('keydown', { key, repeat: true, ...more }));
  for (const key of ['k', 'K', 'i', ' ', 'Enter', '?']) expect(held(key)).toBe(true);
  for (const key of ['ArrowLeft', 'ArrowDown', '[', 'Delete']) expect(held(key)).toBe(false);
  expect(held('z', { ctrlKey: true })).toBe(false);
  expect(isHeld(new KeyboardEvent('keydown', { key: 'k' }))).toBe(false);
});

it('copies all with Shift, and undoes with Ctrl or ⌘, outside text fields', () => {
  const act = (key: string, more: KeyboardEventInit = {}) => roomAction(new KeyboardEvent('keydown', { key, ...more }), row, EVERY)?.type;
  expect(act('S', { shiftKey: true })).toBe('sameAll');
  expect(act('z', { ctrlKey: true })).toBe('undo');
  expect(act('z', { metaKey: true })).toBe('undo');
  expect(act('Z', { ctrlKey: true, shiftKey: true })).toBe('redo');
  expect(act('y', { ctrlKey: true })).toBe('redo');
});

it('lists and hears only what a room does', () => {
  const room = roomKeys(['grade', 'scan', 'same', 'undo', 'help'], 2, { undo: 'Take it back' });
  expect(room.map(({ keys }) => keys)).toEqual(['0 1 2 –', 'B F', 'S', 'Ctrl Z, Ctrl Y', '?']);
  expect(room[3]?.does).toBe('Take it back');
  const type = (key: string, keys = room) => roomAction(new KeyboardEvent('keydown', { key }), row, keys)?.type;
  expect([type('f'), type('y'), type('c'), type('k'), type('h')]).toEqual(['scan', undefined, undefined, undefined, undefined]);
  expect(roomAction(new KeyboardEvent('keydown', { key: 'y', ctrlKey: true }), row, room)?.type).toBe('redo');
  const single = roomKeys(['grade', 'scan', 'same', 'sameAll', 'help'], 1);
  expect([type('b', single), type('s', single)]).toEqual([undefined, undefined]);
  expect(single.map(({ does }) => does).join(' ')).not.toMatch(/baseline|follow/i);
});

it('leaves out the viewer’s keys that do nothing', () => {
  const said = (scans: number, locked: boolean) => viewerKeys(scans, locked).map(({ does }) => does).join('; ');
  expect(said(2, false)).toMatch(/McRae.*both/s);
  expect(said(2, true)).not.toMatch(/McRae|measur|undo/i);
  expect(said(1, false)).not.toMatch(/both|link|other scan|follow/i);
});
