import { beforeEach, expect, it, vi } from 'vitest';

import { Desk } from './desk';
import type { Measurement } from './types';
import type { StackView } from './view';

vi.mock('./statistics', () => ({ statisticsOf: () => ({}) }));

const kept: Measurement = { id: 'old', kind: 'length', scan: 'baseline', slice: 3, sop_uid: '2.25.3', points: [[0, 0, 0], [0, 3, 4]], value: 5 };
const viewOf = (key: string) => ({
  scan: { key, series: 0, sopUids: [], geometry: { row: [0, 1, 0], column: [0, 0, -1], rowSpacing: 0.5, columnSpacing: 0.5 } },
  state: { slice: 3, status: 'ready' },
  camera: { pointAt: (x: number, y: number) => [4, x, y], middle: () => [4, 0, 0] },
});
let baseline: ReturnType<typeof viewOf>;
let desk: Desk;

beforeEach(() => {
  baseline = viewOf('baseline');
  desk = new Desk(new Map(Object.entries({ baseline, follow_up: viewOf('follow_up') })) as unknown as Map<string, StackView>, [kept], () => undefined, () => undefined);
});

it('lets go of a measurement that leaves the screen or is not on the scan in hand', () => {
  desk.select({ id: 'old', point: 0 });
  desk.tidy('baseline');
  expect(desk.book.selected).not.toBeNull();
  baseline.state.slice = 4;
  desk.tidy('baseline');
  expect(desk.book.selected).toBeNull();
  baseline.state.slice = 3;
  desk.select({ id: 'old', point: 0 });
  desk.tidy('follow_up');
  expect(desk.book.selected).toBeNull();
});

it.each([
  ['another slice', () => (baseline.state.slice = 4)],
  ['another series', () => (baseline.scan.series = 1)],
  ['a slice on its way', () => (baseline.state.status = 'loading')],
])('removes nothing that is not seen: %s', (_, leave) => {
  desk.select({ id: 'old', point: null });
  leave();
  expect(desk.removeInHand()).toBe(false);
  expect(desk.book.items).toEqual([kept]);
});

it('removes what is seen, and first takes back a point', () => {
  desk.select({ id: 'old', point: null });
  desk.place('length', 'baseline', 1, 1);
  expect(desk.removeInHand()).toBe(true);
  expect(desk.book.items).toEqual([kept]);
  expect(desk.removeInHand()).toBe(true);
  expect(desk.book.items).toEqual([]);
});

it('places nothing on a slice that is not drawn, and says so', () => {
  baseline.state.status = 'loading';
  desk.place('probe', 'baseline', 1, 1);
  expect(desk.aim('probe', 'baseline')).toBe(false);
  expect([desk.book.items, desk.book.pending, desk.book.refused]).toEqual([[kept], null, { scan: 'baseline', why: 'loading' }]);
});
