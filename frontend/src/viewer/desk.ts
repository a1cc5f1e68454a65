import { add, scale, subtract } from './geometry';
import { ellipseIn, KINDS } from './measure';
import { MeasurementBook, type Place, type Selected } from './measurement-book';
import { statisticsOf } from './statistics';
import type { Measurement, MeasurementKind, Point3 } from './types';
import type { StackView } from './view';

/** The measurements of a session where the reader's hand meets them: places on the screen in, points in mm out. */
export class Desk {
  readonly book: MeasurementBook;

  constructor(
    private readonly views: ReadonlyMap<string, StackView>,
    kept: Measurement[],
    changed: () => void,
  ) {
    this.book = new MeasurementBook(
      kept,
      (item) => {
        const scan = views.get(item.scan)?.scan;
        return scan ? statisticsOf(item, scan) : null;
      },
      changed,
    );
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
    const point = view?.state.status === 'ready' ? view.camera.pointAt(clientX, clientY) : null;
    if (view && point) this.book.place(kind, placeOf(view), point);
  }

  hover(scan: string, clientX: number, clientY: number): void {
    const { pending } = this.book;
    const view = this.views.get(scan);
    if (!pending || !view || pending.place.scan !== scan || pending.place.slice !== view.state.slice) return;
    const point = view.camera.pointAt(clientX, clientY);
    if (point) this.book.hover(point);
  }

  /** Puts a measurement in the middle of a scan's viewport, first point in hand, to be moved with the keys. */
  placeInMiddle(kind: MeasurementKind, scan: string): boolean {
    const view = this.views.get(scan);
    const middle = view?.camera.middle();
    const axes = view?.camera.axes();
    if (!view || !middle || !axes || view.state.status !== 'ready') return false;
    const at = (right: number, down: number) =>
      view.camera.ontoSlice(add(middle, add(scale(axes.right, right * axes.mmPerPixel), scale(axes.down, down * axes.mmPerPixel))));
    const place = placeOf(view);
    const corners = [at(-50, 0), at(50, kind === 'ellipse' ? 40 : 0), at(0, kind === 'angle' ? -50 : 40)];
    const [from, to] = corners as [Point3, Point3];
    const points = kind === 'ellipse' ? ellipseIn(from, to, place.row, place.column) : corners.slice(0, KINDS[kind].clicks);
    const made = this.book.add(kind, place, kind === 'probe' ? [middle] : points);
    if (made) this.book.select({ id: made.id, point: 0 });
    return true;
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
    const view = this.viewOf(this.book.selected?.id ?? '');
    const axes = view?.camera.axes();
    if (!view || !axes) return false;
    const { rowSpacing, columnSpacing } = view.scan.geometry;
    const step = Math.min(rowSpacing, columnSpacing) / 2;
    return this.book.nudge(add(scale(axes.right, right * step), scale(axes.down, down * step)));
  }

  private viewOf(id: string): StackView | undefined {
    return this.views.get(this.book.items.find((item) => item.id === id)?.scan ?? '');
  }
}

function placeOf({ scan, state }: StackView): Place {
  const { row, column } = scan.geometry;
  return { scan: scan.key, series: scan.series ?? 0, slice: state.slice, sop_uid: scan.sopUids[state.slice] ?? '', row, column };
}
