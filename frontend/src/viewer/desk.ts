import { add, scale, subtract } from './geometry';
import { isAt } from './measure';
import { MeasurementBook, type Place, type Selected } from './measurement-book';
import { statisticsOf } from './statistics';
import type { Measurement, MeasurementKind, MeasuringAct, Point3 } from './types';
import type { StackView } from './view';

/** The measurements of a session where the reader's hand meets them: places on the screen in, points in mm out. */
export class Desk {
  readonly book: MeasurementBook;

  constructor(
    private readonly views: ReadonlyMap<string, StackView>,
    kept: Measurement[] | MeasurementBook,
    changed: () => void,
    made: (act: MeasuringAct) => void,
  ) {
    const statistics = (item: Measurement) => {
      const scan = views.get(item.scan)?.scan;
      return scan ? statisticsOf(item, scan) : null;
    };
    this.book = kept instanceof MeasurementBook ? kept : new MeasurementBook(kept, statistics, changed, made);
    this.book.attach(statistics, changed, made);
  }

  /** Where a patient point falls in the viewport, CSS pixels. */
  project(scan: string, point: Point3): [number, number] {
    return this.views.get(scan)?.camera.project(point) ?? [0, 0];
  }

  /** Width of a scan's viewport, CSS pixels. */
  width(scan: string): number {
    return this.views.get(scan)?.element.clientWidth ?? 0;
  }

  place(kind: MeasurementKind, scan: string, clientX: number, clientY: number): void {
    const view = this.views.get(scan);
    // A slice that is still on its way, or cannot be shown, has nothing to be measured.
    if (!view || !this.isDrawn(scan)) return;
    const point = view.camera.pointAt(clientX, clientY);
    if (point) this.book.place(kind, placeOf(view), point);
  }

  hover(scan: string, clientX: number, clientY: number): void {
    const { pending } = this.book;
    const view = this.views.get(scan);
    if (!pending || !view || pending.place.scan !== scan || pending.place.slice !== view.state.slice) return;
    const point = view.camera.pointAt(clientX, clientY);
    if (point) this.book.hover(point);
  }

  /** Takes a point of a measurement in hand for the keys, in the middle of a scan's viewport. */
  aim(kind: MeasurementKind, scan: string): boolean {
    const view = this.views.get(scan);
    const middle = view?.camera.middle();
    if (!view || !middle || !this.isDrawn(scan)) return false;
    this.book.aim(kind, placeOf(view), middle);
    return true;
  }

  /** Moves the point in hand along the screen's axes, in steps of half a pixel of the image. */
  moveAim(right: number, down: number): void {
    const by = this.steps(this.book.pending?.place.scan, right, down);
    if (by) this.book.moveAim(by);
  }

  /** Whether a scan's slice is on the screen; where it is still on its way, that is said. */
  isDrawn(scan: string): boolean {
    const status = this.views.get(scan)?.state.status;
    if (status === 'loading') this.book.refuse(scan, 'loading');
    return status === 'ready';
  }

  /** Whether the shown slices are those of a measurement, drawn already or not. */
  isAt(place: Pick<Measurement, 'scan' | 'series' | 'slice'>): boolean {
    const view = this.views.get(place.scan);
    return view !== undefined && isAt(place, view.scan, view.state.slice);
  }

  /** Lets go of what has left the screen or is not on the scan in hand. */
  tidy(active: string): void {
    const { pending, selected, items } = this.book;
    if (pending?.byKeys && (pending.place.scan !== active || !this.isAt(pending.place))) this.book.dropAim();
    const item = items.find(({ id }) => id === selected?.id);
    if (item && (item.scan !== active || !this.isAt(item))) this.book.select(null);
  }

  /** Takes back the last point placed, or removes what is selected: only what is seen. */
  removeInHand(): boolean {
    const { pending, selected, items } = this.book;
    if (pending && this.isSeen(pending.place)) return this.book.back();
    const item = items.find(({ id }) => id === selected?.id);
    return item !== undefined && this.isSeen(item) && this.book.removeSelected();
  }

  private isSeen(place: Pick<Measurement, 'scan' | 'series' | 'slice'>): boolean {
    return this.isAt(place) && this.views.get(place.scan)?.state.status === 'ready';
  }

  select(selected: Selected | null): void {
    this.book.select(selected);
  }

  /** Drags a point of a measurement, or all of it (null), from one place of the screen to another. */
  drag(id: string, point: number | null, from: [number, number], to: [number, number]): void {
    const view = this.viewOf(id);
    const [start, end] = [view?.camera.pointAt(...from), view?.camera.pointAt(...to)];
    if (start && end) this.book.drag(id, point, end, subtract(end, start));
  }

  drop(): void {
    this.book.drop();
  }

  /** Moves what is selected along the screen's axes, in steps of half a pixel of the image. */
  nudge(right: number, down: number): boolean {
    const by = this.steps(this.book.items.find(({ id }) => id === this.book.selected?.id)?.scan, right, down);
    return by !== null && this.book.nudge(by);
  }

  /** Half pixels of a scan's image to the right and down, as a vector in mm. */
  private steps(scan: string | undefined, right: number, down: number): Point3 | null {
    const view = this.views.get(scan ?? '');
    const axes = view?.camera.axes();
    if (!view || !axes) return null;
    const step = Math.min(view.scan.geometry.rowSpacing, view.scan.geometry.columnSpacing) / 2;
    return add(scale(axes.right, right * step), scale(axes.down, down * step));
  }

  private viewOf(id: string): StackView | undefined {
    return this.views.get(this.book.items.find((item) => item.id === id)?.scan ?? '');
  }
}

function placeOf({ scan, state }: StackView): Place {
  const { row, column } = scan.geometry;
  return { scan: scan.key, series: scan.series ?? 0, slice: state.slice, sop_uid: scan.sopUids[state.slice] ?? '', row, column };
}
