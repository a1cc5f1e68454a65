import { expect, it } from 'vitest';

import { isHeard, roomAction } from './room-keys';
import type { Finding } from './rubric';

const row: Finding = {
  key: 'pannus', label: 'Pannus', help: '',
  grades: [0, 1, 2, 'not_visible'].map((value) => ({ value, label: '', description: '', shortcut: value === 'not_visible' ? '-' : String(value) })),
};
const graded = (key: string, code: string, more: KeyboardEventInit = {}) => {
  const action = roomAction(new KeyboardEvent('keydown', { key, code, ...more }), row);
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
