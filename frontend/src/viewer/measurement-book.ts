import { sameJson } from '@/lib/same-json';

import { add, distance } from './geometry';
import { History } from './history';
import { APART, coincide, ellipseIn, KINDS, proposedGrade, valueOf, withPoint } from './measure';
import { newId as makeId } from './new-id';
import type { Measurement, MeasurementKind, MeasuringAct, Point3 } from './types';

/** Where something is measured: one slice, and its axes in patient space. */
export interface Place {
  scan: string;
  /** Number of the series among the scan's. */
  series: number;
  slice: number;
  sop_uid: string;
  row: Point3;
  column: Point3;
}

/** A measurement that still lacks points. */
export interface Pending {
  kind: MeasurementKind;
  place: Place;
  points: Point3[];
  hover: Point3;
  /** Which time the keys took it in hand: they move `hover` and place it. 0 where the mouse does. */
  byKeys: number;
}

/** Why nothing was measured: no pixel lies there, two points are one, or the slice is not drawn yet. */
export interface Refusal {
  scan: string;
  why: 'outside' | 'together' | 'loading';
}

export interface Selected {
  id: string;
  /** Index of the point in hand; null for the measurement as a whole. */
  point: number | null;
}

/** What the pixels under a measurement say; points alone do not tell. Null where it needs a pixel and there is none. */
type Statistics = (measurement: Measurement) => Partial<Pick<Measurement, 'value' | 'mean' | 'sd'>> | null;

/**
 * The measurements of a case: placed, moved, removed, undone and done again. Knows nothing of a screen:
 * points are in patient space. `changed` is called after every change, `made` after every act that can be undone,
 * `items` is replaced, not altered.
 */
export class MeasurementBook {
  pending: Pending | null = null;
  selected: Selected | null = null;
  /** The last thing wanted, where it was refused. */
  refused: Refusal | null = null;
  /** A measurement as it is being dragged; it counts once it is let go. */
  private moving: Measurement | null = null;
  private aimed = 0;
  private readonly history: History<Measurement[]>;

  constructor(
    kept: Measurement[],
    private statistics: Statistics,
    private changed: () => void,
    private made: (act: MeasuringAct) => void,
    private readonly newId = makeId,
  ) {
    this.history = new History(kept);
  }

  /** Goes on over other views of the same scans, with all that can be undone. */
  attach(statistics: Statistics, changed: () => void, made: (act: MeasuringAct) => void): void {
    this.statistics = statistics;
    this.changed = changed;
    this.made = made;
  }

  get items(): Measurement[] {
    return this.history.now;
  }

  /** As drawn: with the one that is being dragged where it is now. */
  get drawn(): Measurement[] {
    const { moving } = this;
    return moving ? this.items.map((item) => (item.id === moving.id ? moving : item)) : this.items;
  }

  /** Adds a point; the last one finishes the measurement and selects it. */
  place(kind: MeasurementKind, place: Place, point: Point3): Measurement | null {
    const { pending } = this;
    this.refused = null;
    const { points: before, byKeys } = this.goesOn(kind, place) && pending ? pending : { points: [], byKeys: 0 };
    const points = [...before, point];
    const [from, to] = points;
    const all = kind === 'ellipse' && from && to ? ellipseIn(from, to, place.row, place.column) : points;
    const last = before.at(-1);
    if ((last && distance(last, point) < APART) || coincide(kind, all)) {
      this.refuse(place.scan, 'together'); // a slipped double click; the points before it stay
      return null;
    }
    if (points.length < KINDS[kind].clicks) {
      this.pending = { kind, place, points, hover: point, byKeys };
      this.pointed();
      this.changed();
      return null;
    }
    this.pending = null;
    const made = this.add(kind, place, all);
    if (!byKeys) return made;
    if (made) this.select({ id: made.id, point: all.length - 1 }); // the keys go on with its last point
    else {
      this.pending = pending;
      this.changed();
    }
    return made;
  }

  /** Takes the next point in hand for the keys: at `start`, or where it is. */
  aim(kind: MeasurementKind, place: Place, start: Point3): void {
    const { pending } = this;
    const before = this.goesOn(kind, place) && pending ? pending : null;
    this.refused = null;
    this.selected = null;
    this.aimed += 1;
    const hover = before?.byKeys ? before.hover : start;
    this.pending = { kind, place, points: before?.points ?? [], hover, byKeys: this.aimed };
    if (!before) this.pointed();
    this.changed();
  }

  /** Moves the point in hand, in mm. */
  moveAim(by: Point3): void {
    if (!this.pending) return;
    this.refused = null;
    this.pending = { ...this.pending, hover: add(this.pending.hover, by) };
    this.changed();
  }

  /** Places the point in hand where it is. */
  placeAim(): void {
    const { pending } = this;
    if (pending) this.place(pending.kind, pending.place, pending.hover);
  }

  /** The keys let go of the point in hand; points that were placed stay. */
  dropAim(): void {
    const { pending } = this;
    if (!pending?.byKeys) return;
    this.pending = pending.points.length ? { ...pending, byKeys: 0 } : null;
    this.changed();
  }

  private goesOn(kind: MeasurementKind, place: Place): boolean {
    const { pending } = this;
    return pending?.kind === kind && pending.place.scan === place.scan && pending.place.series === place.series && pending.place.slice === place.slice;
  }

  /** Says that nothing was measured, and why. */
  refuse(scan: string, why: Refusal['why']): void {
    this.refused = { scan, why };
    this.changed();
  }

  /** Null where it is refused. */
  private add(kind: MeasurementKind, { scan, series, slice, sop_uid }: Place, points: Point3[]): Measurement | null {
    const made = this.complete({ id: this.newId(), kind, scan, ...(series > 0 && { series }), slice, sop_uid, points, value: 0 });
    if (!made) return null;
    this.selected = { id: made.id, point: null };
    this.set([...this.items, made]);
    return made;
  }

  hover(point: Point3): void {
    if (!this.pending || this.pending.byKeys) return;
    this.pending = { ...this.pending, hover: point };
    this.changed();
  }

  /** Takes back the last point placed; true when there was one. */
  back(): boolean {
    if (!this.pending) return false;
    const { points: placed, byKeys } = this.pending;
    const points = placed.slice(0, -1);
    this.pending = points.length || (byKeys && placed.length) ? { ...this.pending, points } : null;
    this.refused = null;
    this.changed();
    return true;
  }

  cancel(): boolean {
    // That a slice was loading is said no more once it is there.
    const said = this.refused !== null && this.refused.why !== 'loading';
    if (!this.pending && !this.moving && !this.selected && !said) return false;
    this.pending = null;
    this.moving = null;
    this.selected = null;
    this.refused = null;
    this.changed();
    return true;
  }

  select(selected: Selected | null): void {
    if (JSON.stringify(selected) === JSON.stringify(this.selected)) return;
    this.selected = selected;
    this.changed();
  }

  /** Drags a point (null: everything, by the way from `from`) without it counting yet. */
  drag(id: string, point: number | null, to: Point3, by: Point3): void {
    const item = this.items.find((one) => one.id === id);
    if (!item) return;
    const points = point === null ? item.points.map((one) => add(one, by)) : withPoint(item.kind, item.points, point, to);
    const moved = this.complete({ ...item, points });
    if (!moved) return;
    this.moving = moved;
    this.changed();
  }

  /** What was dragged counts from now on. */
  drop(): void {
    const { moving } = this;
    if (!moving) return;
    this.moving = null;
    this.replace(moving, null);
  }

  /** Moves the selected point, or the whole measurement, by a vector in mm; steps in a row undo as one. */
  nudge(by: Point3): boolean {
    const { selected } = this;
    const item = this.items.find(({ id }) => id === selected?.id);
    if (!selected || !item) return false;
    const { point } = selected;
    const target = point === null ? undefined : item.points[point];
    const points =
      point !== null && target ? withPoint(item.kind, item.points, point, add(target, by)) : item.points.map((one) => add(one, by));
    const moved = this.complete({ ...item, points });
    if (moved) this.replace(moved, `${item.id}:${point ?? 'all'}`);
    return true;
  }

  /** Takes over what was changed elsewhere; undo goes on taking back what was done here, and only that. */
  adopt(theirs: Measurement[]): void {
    const before = new Map(this.items.map((item) => [item.id, item]));
    const after = new Map(theirs.map((item) => [item.id, item]));
    const came = theirs.filter((item) => !sameJson(before.get(item.id), item));
    this.history.revise(theirs, (items) => [
      ...items.filter(({ id }) => after.has(id) || !before.has(id)).map((item) => came.find(({ id }) => id === item.id) ?? item),
      ...came.filter(({ id }) => !items.some((item) => item.id === id)),
    ]);
    if (this.moving && !after.has(this.moving.id)) this.moving = null;
    if (this.selected && !after.has(this.selected.id)) this.selected = null;
    this.changed();
  }

  remove(id: string): boolean {
    if (!this.items.some((item) => item.id === id)) return false;
    if (this.selected?.id === id) this.selected = null;
    this.set(this.items.filter((item) => item.id !== id));
    return true;
  }

  removeSelected(): boolean {
    return this.selected !== null && this.remove(this.selected.id);
  }

  /** Something else was done: the next nudge is a step of its own. */
  settle(): void {
    this.history.settle();
  }

  undo(act?: MeasuringAct): boolean {
    if (act !== 'change' && this.back()) return true;
    return act !== 'point' && this.stepped(this.history.undo());
  }

  redo(): boolean {
    return this.stepped(this.history.redo());
  }

  get canUndo(): boolean {
    return this.pending !== null || this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  /** A point counts among what is done, in its turn: nudges before and after it are two steps. */
  private pointed(): void {
    this.settle();
    this.made('point');
  }

  private stepped(done: boolean): boolean {
    if (!done) return false;
    if (!this.items.some(({ id }) => id === this.selected?.id)) this.selected = null;
    this.changed();
    return true;
  }

  private replace(item: Measurement, merge: string | null): void {
    this.set(this.items.map((one) => (one.id === item.id ? item : one)), merge);
  }

  private set(items: Measurement[], merge: string | null = null): void {
    this.refused = null;
    if (this.history.push(items, merge)) this.made('change');
    this.changed();
  }

  /** With its value and, for McRae's line, the grade it proposes; null, and said, where there is nothing to measure. */
  private complete(item: Measurement): Measurement | null {
    if (coincide(item.kind, item.points)) {
      this.refuse(item.scan, 'together');
      return null;
    }
    const value = valueOf(item.kind, item.points);
    const whole: Measurement = { ...item, value, ...(item.kind === 'mcrae' && { proposed_grade: proposedGrade(value) }) };
    // What the pixels of the place before said is not true of this one.
    delete whole.mean;
    delete whole.sd;
    const found = this.statistics(whole);
    if (!found) {
      this.refuse(item.scan, 'outside');
      return null;
    }
    this.refused = null;
    return { ...whole, ...found };
  }
}
