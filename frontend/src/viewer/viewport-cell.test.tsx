import { fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import type { ViewerSession } from './session';
import type { SessionState } from './session-state';
import type { Measurement, Point3, StackScan, ViewState } from './types';
import { ViewportCell } from './viewport-cell';

const scan = {
  key: 'baseline', label: 'Baseline', imageIds: ['a', 'b'], series: 0, seriesCount: 2, geometry: { openingSlice: 0 },
} as unknown as StackScan;
const view: ViewState = {
  status: 'ready', error: null, slice: 0, slices: 2, offsetMm: 0, side: '', letters: { left: 'A', right: 'P', top: 'H', bottom: 'F' },
  mmPerPixel: 0.5, window: { lower: 0, upper: 1 }, inverted: false, outsideOverlay: false, camera: '',
};
const line: Measurement = { id: 'a', kind: 'length', scan: 'baseline', slice: 0, sop_uid: '', points: [[0, 0, 0], [0, 3, 4]], value: 5 };
const state = { drawn: [line], pending: null, selected: null, refused: null } as unknown as SessionState;
const toggleSolo = vi.fn();
const session = {
  measuring: null, locked: false, toggleSolo, setActive: vi.fn(), goTo: vi.fn(), askForSeries: vi.fn(),
  desk: { project: ([, y, z]: Point3) => [y, z], width: () => 100, select: vi.fn(), hover: vi.fn() },
} as unknown as ViewerSession;

beforeEach(() => {
  toggleSolo.mockClear();
  render(
    <ViewportCell
      scan={scan} view={view} active hidden={false} overlay={null} marks={[]} measured={[]} session={session} state={state}
      elementRef={(element) => element?.append(document.createElement('canvas'))}
    />,
  );
});
const twice = (element: Element) => {
  for (const detail of [1, 2]) fireEvent.click(element, { detail });
};

it('is enlarged by a double click on its image', () => {
  twice(document.querySelector('canvas') as Element);
  expect(toggleSolo).toHaveBeenCalledOnce();
});

it.each([
  ['the position bar', () => screen.getByTestId('position-bar')],
  ['a point of a measurement', () => document.querySelector('[data-point=Start]')],
  ['the choice of a series', () => screen.getByRole('button', { name: 'Series 2 of 2, Baseline' })],
])('is not enlarged by two quick clicks on %s', (_, found) => {
  twice(found() as Element);
  expect(toggleSolo).not.toHaveBeenCalled();
});
