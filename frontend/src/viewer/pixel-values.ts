import { dot, subtract } from './geometry';
import type { Point3, StackGeometry } from './types';

/** One slice's pixels in the units the viewer shows, row-major. */
export interface SlicePixels {
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  /** Centre of the first pixel, mm (PS3.3 C.7.6.2.1.1). */
  origin: Point3;
}

type Axes = Pick<StackGeometry, 'row' | 'column' | 'rowSpacing' | 'columnSpacing'>;

/** Column and row of a point, as fractions; whole numbers are centres of pixels. */
export function indexOf(point: Point3, origin: Point3, axes: Axes): [number, number] {
  const off = subtract(point, origin);
  return [dot(off, axes.row) / axes.columnSpacing, dot(off, axes.column) / axes.rowSpacing];
}

/** Value of the pixel a point lies in; null outside the image. */
export function probe(point: Point3, pixels: SlicePixels, axes: Axes): number | null {
  const [x, y] = indexOf(point, pixels.origin, axes).map(Math.round) as [number, number];
  if (x < 0 || y < 0 || x >= pixels.columns || y >= pixels.rows) return null;
  return pixels.values[y * pixels.columns + x] ?? null;
}

/** Mean and standard deviation (n − 1) of the pixels whose centres lie in the ellipse; null where there is none. */
export function ellipseStatistics(
  ends: readonly Point3[],
  pixels: SlicePixels,
  axes: Axes,
): { mean: number; sd: number; count: number } | null {
  const [left, right, top, bottom] = ends.map((end) => indexOf(end, pixels.origin, axes));
  if (!left || !right || !top || !bottom) return null;
  const [cx, cy] = [(left[0] + right[0]) / 2, (top[1] + bottom[1]) / 2];
  const [rx, ry] = [Math.abs(right[0] - left[0]) / 2, Math.abs(bottom[1] - top[1]) / 2];
  if (rx === 0 || ry === 0) return null;
  let [count, mean, squares] = [0, 0, 0];
  for (let y = Math.max(0, Math.ceil(cy - ry)); y <= Math.min(pixels.rows - 1, Math.floor(cy + ry)); y += 1) {
    for (let x = Math.max(0, Math.ceil(cx - rx)); x <= Math.min(pixels.columns - 1, Math.floor(cx + rx)); x += 1) {
      if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 > 1) continue;
      const value = pixels.values[y * pixels.columns + x] ?? 0;
      count += 1;
      const delta = value - mean; // Welford: no catastrophic cancellation on 16-bit values
      mean += delta / count;
      squares += delta * (value - mean);
    }
  }
  return count === 0 ? null : { mean, sd: count > 1 ? Math.sqrt(squares / (count - 1)) : 0, count };
}
