import { beforeEach, describe, expect, it } from 'vitest';

import { MeasurementBook, type Place } from './measurement-book';
import type { Measurement, MeasurementKind, MeasuringAct, Point3 } from './types';

const place: Place = { series: 0, scan: 'baseline', slice: 5, sop_uid: '2.25.5', row: [0, 1, 0], column: [0, 0, -1] };
const kept: Measurement = { id: 'old', kind: 'length', scan: 'baseline', slice: 3, sop_uid: '2.25.3', points: [[0, 0, 0], [0, 3, 4]], value: 5 };
let book: MeasurementBook;
let changes: number;
let acts: number;
const acted = (act: MeasuringAct) => (acts += Number(act === 'change'));
const measure = (kind: MeasurementKind, ...points: Point3[]) => points.map((point) => book.place(kind, place, point)).at(-1) as Measurement;

beforeEach(() => {
  changes = 0;
  acts = 0;
  let next = 0;
  book = new MeasurementBook([kept], (item) => (item.kind === 'ellipse' ? { mean: 7, sd: 1 } : {}), () => (changes += 1), acted, () => `m${(next += 1)}`);
});

describe('placing', () => {
  it('takes three points for McRae’s line, and records the grade it proposes', () => {
    expect(book.place('mcrae', place, [4, 0, 100])).toBeNull();
    expect(book.place('mcrae', place, [4, 30, 100])).toBeNull();
    expect(book.pending?.points).toHaveLength(2);
    expect(book.place('mcrae', place, [4, 10, 102.5])).toMatchObject({ id: 'm1', kind: 'mcrae', slice: 5, sop_uid: '2.25.5', value: 2.5, proposed_grade: 1 });
    expect(book.pending).toBeNull();
    expect(book.items.map(({ id }) => id)).toEqual(['old', 'm1']);
  });

  it('starts anew on another slice or with another tool', () => {
    book.place('length', place, [4, 0, 0]);
    book.place('length', { ...place, slice: 6 }, [7, 0, 0]);
    expect(book.pending).toMatchObject({ place: { slice: 6 }, points: [[7, 0, 0]] });
    expect(book.items).toEqual([kept]);
  });

  it('measures nothing where nothing was drawn, and takes points back one by one', () => {
    book.place('length', place, [4, 0, 0]);
    expect(book.place('length', place, [4, 0, 0.2])).toBeNull();
    expect([book.refused, book.pending?.points]).toEqual([{ scan: 'baseline', why: 'together' }, [[4, 0, 0]]]);
    book.place('angle', place, [4, 0, 0]);
    expect(book.refused).toBeNull();
    book.place('angle', place, [4, 1, 0]);
    expect(book.undo()).toBe(true);
    expect(book.pending?.points).toHaveLength(1);
    expect(book.undo()).toBe(true);
    expect([book.pending, book.items]).toEqual([null, [kept]]);
  });

  it('asks the pixels for what points do not tell', () => {
    book.place('ellipse', place, [4, 0, 10]);
    expect(book.place('ellipse', place, [4, 4, 6])).toMatchObject({ mean: 7, sd: 1, value: expect.closeTo(Math.PI * 4, 9) as number });
  });
});

describe('points in one place', () => {
  it('make no McRae line, no angle and no ellipse: a slipped double click goes for nothing', () => {
    book.place('mcrae', place, [4, 0, 100]);
    expect(book.place('mcrae', place, [4, 0.1, 100])).toBeNull();
    expect(book.refused?.why).toBe('together');
    book.place('mcrae', place, [4, 30, 100]);
    expect(book.place('mcrae', place, [4, 10, 98])).toMatchObject({ value: -2 });
    book.place('angle', place, [4, 0, 0]);
    book.place('angle', place, [4, 9, 0]);
    expect(book.place('angle', place, [4, 9, 0])).toBeNull();
    expect(book.pending?.points).toHaveLength(2);
    book.place('ellipse', place, [4, 0, 10]);
    expect(book.place('ellipse', place, [4, 8, 10])).toBeNull(); // flat
    expect(book.refused?.why).toBe('together');
  });

  it('are not dragged or nudged together either', () => {
    const { id } = measure('mcrae', [4, 0, 100], [4, 1, 100], [4, 5, 90]);
    book.drag(id, 0, [4, 1, 100], [0, 1, 0]);
    expect(book.refused?.why).toBe('together');
    book.drop();
    book.select({ id, point: 0 });
    book.nudge([0, 0.9, 0]);
    expect([book.items.at(-1)?.points[0], book.refused?.why]).toEqual([[4, 0, 100], 'together']);
  });
});

describe('by keys', () => {
  it('nothing counts before each point was placed', () => {
    book.aim('mcrae', place, [4, 0, 100]);
    expect([book.items, book.pending?.points]).toEqual([[kept], []]);
    book.placeAim();
    book.placeAim(); // not moved: two points in one place
    expect([book.pending?.points.length, book.refused?.why]).toEqual([1, 'together']);
    book.moveAim([0, 30, 0]);
    book.placeAim();
    expect(book.items).toEqual([kept]);
    book.hover([4, 77, 77]); // a mouse that lies about
    book.moveAim([0, -20, 2.5]);
    book.placeAim();
    expect(book.items.at(-1)).toMatchObject({ kind: 'mcrae', points: [[4, 0, 100], [4, 30, 100], [4, 10, 102.5]], value: 2.5 });
    expect([book.pending, book.selected]).toEqual([null, { id: 'm1', point: 2 }]);
  });

  it('takes points back, and keeps those placed when the keys let go', () => {
    book.aim('length', place, [4, 0, 0]);
    book.placeAim();
    expect(book.back()).toBe(true);
    expect(book.pending).toMatchObject({ points: [], byKeys: 1 });
    book.placeAim();
    book.dropAim();
    expect(book.pending).toMatchObject({ points: [[4, 0, 0]], byKeys: 0 });
    book.aim('length', place, [4, 9, 0]);
    book.placeAim();
    expect(book.items.at(-1)).toMatchObject({ kind: 'length', value: 9 });
    book.aim('probe', place, [4, 0, 0]);
    book.dropAim();
    expect(book.pending).toBeNull();
  });
});

describe('what another tab changed', () => {
  const other: Measurement = { ...kept, id: 'other', slice: 7 };

  it('is taken over, and undo takes back only what was done here', () => {
    const mine = measure('length', [4, 0, 0], [4, 5, 0]);
    const theirs = [kept, mine, other];
    book.adopt(theirs);
    expect(book.items).toBe(theirs);
    expect(book.selected?.id).toBe(mine.id);
    book.undo();
    expect(book.items).toEqual([kept, other]);
    expect(book.canUndo).toBe(false);
    book.redo();
    expect(book.items).toEqual([kept, mine, other]);
  });

  it('leaves nothing to undo where it took away what was made here', () => {
    const mine = measure('length', [4, 0, 0], [4, 5, 0]);
    book.nudge([0, 1, 0]);
    book.adopt([{ ...kept, value: 6 }]);
    expect([book.items, book.canUndo, book.selected]).toEqual([[{ ...kept, value: 6 }], false, null]);
    expect(book.drawn.some(({ id }) => id === mine.id)).toBe(false);
  });

  it('does not disturb a measurement that lacks points', () => {
    book.place('length', place, [4, 0, 0]);
    book.adopt([kept, other]);
    expect(book.place('length', place, [4, 3, 4])).toMatchObject({ value: 5 });
    expect(book.items.map(({ id }) => id)).toEqual(['old', 'other', 'm1']);
  });
});

describe('where there is no pixel', () => {
  const inside = (item: Measurement) => (Math.abs(item.points[0]?.[1] ?? 99) < 10 ? { value: 42 } : null);
  beforeEach(() => {
    book = new MeasurementBook([], inside, () => (changes += 1), acted, () => 'm1');
  });

  it('refuses to probe, and says so until something is done', () => {
    expect(book.place('probe', place, [4, 20, 0])).toBeNull();
    expect([book.items, book.refused]).toEqual([[], { scan: 'baseline', why: 'outside' }]);
    expect(changes).toBe(1);
    expect(book.place('probe', place, [4, 0, 0])).toMatchObject({ value: 42 });
    expect(book.refused).toBeNull();
  });

  it('leaves the point in the hand of the keys', () => {
    book.aim('probe', place, [4, 20, 0]);
    let shown: unknown;
    book.attach(inside, () => (shown = book.pending), acted);
    book.placeAim();
    expect([shown, book.refused?.why]).toEqual([expect.objectContaining({ byKeys: 1, hover: [4, 20, 0] }), 'outside']);
    book.moveAim([0, -15, 0]);
    book.placeAim();
    expect(book.items).toMatchObject([{ kind: 'probe', value: 42 }]);
  });

  it('says nothing of pixels that are not here, and nothing of those of the place before', () => {
    const from: Point3[] = [[4, 0, 10], [4, 4, 6]];
    book.attach(() => ({ mean: 200, sd: 0 }), () => undefined, acted);
    expect(measure('ellipse', ...from)).toMatchObject({ mean: 200, sd: 0 });
    book.attach(() => ({}), () => undefined, acted);
    book.nudge([0, 5, 0]);
    expect(book.items[0]).toMatchObject({ kind: 'ellipse', value: expect.closeTo(Math.PI * 4, 9) as number });
    expect(Object.keys(book.items[0] ?? {}).filter((key) => key === 'mean' || key === 'sd')).toEqual([]);
  });

  it('does not move a probe there', () => {
    measure('probe', [4, 0, 0]);
    expect(book.selected).toEqual({ id: 'm1', point: null }); // placed by mouse, its point asks for no focus
    book.drag('m1', 0, [4, 5, 0], [0, 5, 0]);
    book.drag('m1', 0, [4, 20, 0], [0, 15, 0]);
    expect(book.refused?.why).toBe('outside');
    book.drop();
    expect([book.items[0]?.points, book.refused]).toEqual([[[4, 5, 0]], null]);
    expect(book.nudge([0, 30, 0])).toBe(true);
    expect([book.items[0]?.points, book.refused?.why]).toEqual([[[4, 5, 0]], 'outside']);
  });
});

describe('changing', () => {
  it('says of every act that can be undone, and of nothing else', () => {
    const { id } = measure('length', [4, 0, 0], [4, 5, 0]);
    expect(acts).toBe(1);
    book.nudge([0, 1, 0]);
    book.nudge([0, 1, 0]); // with the one before it one step
    expect(acts).toBe(2);
    book.settle();
    book.nudge([0, 1, 0]);
    expect(acts).toBe(3);
    book.undo();
    expect(book.items.at(-1)?.points[0]).toEqual([4, 2, 0]); // the two before stay
    book.remove(id);
    expect(acts).toBe(4);
    book.undo();
    book.redo();
    book.adopt([kept]);
    book.place('length', place, [4, 0, 0]);
    book.undo();
    expect(acts).toBe(4);
  });

  it('says of points that are placed or taken in hand, and undoes them apart from what is measured', () => {
    const said: MeasuringAct[] = [];
    book.attach(() => ({}), () => undefined, (act) => said.push(act));
    book.select({ id: 'old', point: 0 });
    book.nudge([0, 1, 0]);
    book.place('mcrae', place, [4, 0, 100]);
    book.select({ id: 'old', point: 0 });
    book.nudge([0, 1, 0]); // not one with that before the point
    book.aim('mcrae', place, [4, 9, 9]); // goes on with the point that is there
    expect(said).toEqual(['change', 'point', 'change']);
    expect(book.undo('change')).toBe(true);
    expect([book.items[0]?.points[0], book.pending?.points.length]).toEqual([[0, 1, 0], 1]);
    book.cancel();
    expect(book.undo('point')).toBe(false);
    expect(book.items[0]?.points[0]).toEqual([0, 1, 0]);
    book.aim('probe', place, [4, 9, 9]);
    expect([said.at(-1), book.undo('point'), book.pending]).toEqual(['point', true, null]);
  });

  it('has nothing to give up where only a slice was waited for', () => {
    book.refuse('baseline', 'loading');
    expect(book.cancel()).toBe(false);
    book.refuse('baseline', 'outside');
    expect(book.cancel()).toBe(true);
  });

  it('counts a drag once, when it is let go', () => {
    book.drag('old', 1, [0, 6, 8], [0, 3, 4]);
    book.drag('old', 1, [0, 9, 12], [0, 6, 8]);
    expect(book.items).toEqual([kept]);
    expect(book.drawn[0]).toMatchObject({ points: [[0, 0, 0], [0, 9, 12]], value: 15 });
    book.drop();
    expect(book.items[0]).toMatchObject({ id: 'old', value: 15, slice: 3, sop_uid: '2.25.3' });
    expect(book.undo()).toBe(true);
    expect(book.items).toEqual([kept]);
    expect(book.redo()).toBe(true);
    expect(book.items[0]?.value).toBe(15);
  });

  it('moves the whole by the way of the hand', () => {
    book.drag('old', null, [0, 0, 0], [0, 1, 1]);
    book.drop();
    expect(book.items[0]).toMatchObject({ points: [[0, 1, 1], [0, 4, 5]], value: 5 });
  });

  it('undoes a row of nudges of one point at once', () => {
    book.select({ id: 'old', point: 0 });
    book.nudge([0, -0.25, 0]);
    book.nudge([0, -0.25, 0]);
    expect(book.items[0]?.points[0]).toEqual([0, -0.5, 0]);
    book.select({ id: 'old', point: 1 });
    book.nudge([0, 0, 1]);
    book.undo();
    expect(book.items[0]?.points).toEqual([[0, -0.5, 0], [0, 3, 4]]);
    book.undo();
    expect(book.items).toEqual([kept]);
  });

  it('removes what is asked, and nothing else', () => {
    expect(book.removeSelected()).toBe(false);
    book.select({ id: 'old', point: null });
    expect(book.removeSelected()).toBe(true);
    expect(book.items).toEqual([]);
    expect(book.selected).toBeNull();
    expect(book.undo()).toBe(true);
    expect(book.items).toEqual([kept]);
    expect(book.remove('unknown')).toBe(false);
  });

  it('forgets what could be done again once something new is made', () => {
    book.remove('old');
    book.undo();
    measure('probe', [4, 0, 0]);
    expect(book.canRedo).toBe(false);
    expect(changes).toBeGreaterThan(0);
  });
});
