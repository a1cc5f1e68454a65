import { beforeEach, expect, it, vi } from 'vitest';

import { add, scale } from './geometry';
import { Links } from './links';
import type { Point3 } from './types';
import type { StackView } from './view';

vi.mock('./start', () => ({ renderMode: () => 'cpu' }));

/** A sagittal stack of slices from a place on the patient's x axis on, cut from right to left. */
function stack(from: number, spacing: number, count: number) {
  const normal: Point3 = [1, 0, 0];
  const positions = Array.from({ length: count }, (_, index) => from + index * spacing);
  return { normal, positions, openingSlice: (count - 1) / 2 };
}

/** What Links asks of a view. */
function viewOf(geometry: ReturnType<typeof stack>) {
  const view = {
    scan: { geometry },
    state: { slice: geometry.openingSlice },
    middleOf: (slice: number): Point3 => add(scale(view.scan.geometry.normal, view.scan.geometry.positions[slice] ?? NaN), [0, 50, 80]),
    parallelTo: () => true,
    goTo: (slice: number) => Promise.resolve(void (view.state = { slice })),
  };
  return view;
}

let baseline: ReturnType<typeof viewOf>;
let followUp: ReturnType<typeof viewOf>;
let links: Links;
const goTo = (slice: number) => {
  void baseline.goTo(slice);
  links.scrolled('baseline', slice);
};

beforeEach(() => {
  baseline = viewOf(stack(-40, 4, 21));
  followUp = viewOf(stack(100, 4, 11));
  links = new Links(new Map(Object.entries({ baseline, followUp })) as unknown as Map<string, StackView>);
});

it('matches the middles from the first moment, before anything is shown', () => {
  goTo(12);
  expect(followUp.state.slice).toBe(7);
  expect(links.offsetMm()).toBe(0);
});

it('keeps the reader’s shift when another series takes a scan’s place', async () => {
  await links.shift('baseline', 2);
  expect([followUp.state.slice, links.offsetMm()]).toEqual([7, 8]);
  baseline.scan = { geometry: stack(-30, 3, 21) }; // of the same exam, in the same coordinates
  void baseline.goTo(14); // a key slice at 12 mm: nobody has said that it matches what is beside it
  expect([followUp.state.slice, links.offsetMm()]).toEqual([7, 8]);
  links.scrolled('baseline', 14);
  expect(followUp.state.slice).toBe(10);
  goTo(10);
  expect(followUp.state.slice).toBe(7);
});

it('takes what is on screen to match when the reader says so', () => {
  void followUp.goTo(2);
  links.anchor();
  goTo(11);
  expect(followUp.state.slice).toBe(3);
  links.resetOffset('baseline');
  expect([followUp.state.slice, links.offsetMm()]).toEqual([6, 0]);
});

it('states the shift of scans that are cut towards opposite sides', () => {
  followUp.scan.geometry = { ...stack(-140, 4, 11), normal: [-1, 0, 0] };
  links = new Links(new Map(Object.entries({ baseline, followUp })) as unknown as Map<string, StackView>);
  goTo(13);
  expect(followUp.state.slice).toBe(2);
  links.anchor(); // as they have stood to each other all the time
  expect(links.offsetMm()).toBe(0);
  void followUp.goTo(4);
  links.anchor();
  expect(links.offsetMm()).toBe(8);
});
