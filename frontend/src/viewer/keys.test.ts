import { expect, it, vi } from 'vitest';

import { handleViewerKey } from './keys';
import type { ViewerHandle } from './types';

const viewer = () => ({ shiftLink: vi.fn(), preset: vi.fn(), step: vi.fn(() => true) });
const press = (handle: ReturnType<typeof viewer>, key: string, more: KeyboardEventInit = {}) =>
  handleViewerKey(handle as unknown as ViewerHandle, new KeyboardEvent('keydown', { key, ...more }));

it.each<[string, string, KeyboardEventInit]>([
  ['an American keyboard', ']', {}],
  ['a German one under Windows: AltGr', ']', { ctrlKey: true, altKey: true, modifierAltGraph: true }],
  ['a German one under Linux', ']', { modifierAltGraph: true }],
  ['a German one on a Mac: Option', ']', { altKey: true }],
  ['the sign that needs no AltGr', '>', { shiftKey: true }],
])('shifts the other scan on by %s', (_, key, more) => {
  const handle = viewer();
  expect(press(handle, key, more)).toBe(true);
  expect(handle.shiftLink).toHaveBeenCalledExactlyOnceWith(1);
});

it('leaves what the browser does with those keys to it', () => {
  const handle = viewer();
  expect([press(handle, ']', { metaKey: true }), press(handle, ']', { ctrlKey: true })]).toEqual([false, false]);
  expect(handle.shiftLink).not.toHaveBeenCalled();
});

it('takes the row of digits with Shift for window presets, whatever it writes', () => {
  const handle = viewer();
  press(handle, '@', { code: 'Digit2', shiftKey: true });
  press(handle, '2', { code: 'Digit2', shiftKey: true }); // French
  expect(handle.preset.mock.calls).toEqual([[1], [1]]);
});

it('steps the chosen tool with Shift and an arrow', () => {
  const handle = viewer();
  for (const key of ['ArrowRight', 'ArrowUp']) expect(press(handle, key, { shiftKey: true })).toBe(true);
  expect(handle.step.mock.calls).toEqual([[1, 0], [0, 1]]);
});
