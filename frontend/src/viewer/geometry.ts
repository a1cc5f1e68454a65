import type { Point3 } from './types';

export const add = (a: Point3, b: Point3): Point3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Point3, b: Point3): Point3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Point3, k: number): Point3 => [a[0] * k, a[1] * k, a[2] * k];
export const dot = (a: Point3, b: Point3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Point3, b: Point3): Point3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const length = (a: Point3): number => Math.sqrt(dot(a, a));
export const distance = (a: Point3, b: Point3): number => length(subtract(a, b));
export const normalize = (a: Point3): Point3 => scale(a, 1 / (length(a) || 1));

export type Plane = 'sagittal' | 'coronal' | 'axial';

/** Plane whose axis the normal is nearest to. */
export function planeOf(normal: Point3): Plane {
  const [x, y, z] = normal.map(Math.abs) as Point3;
  if (x >= y && x >= z) return 'sagittal';
  return y >= z ? 'coronal' : 'axial';
}

/** Letters of a direction, the strongest first: "A", or "AF" where it is clearly oblique (> 0.4). */
export function directionLetters(direction: Point3): string {
  const names = [
    ['L', 'R'],
    ['P', 'A'],
    ['H', 'F'],
  ] as const;
  const unit = normalize(direction);
  return names
    .map(([plus, minus], axis) => ({ letter: (unit[axis] ?? 0) >= 0 ? plus : minus, size: Math.abs(unit[axis] ?? 0) }))
    .filter(({ size }) => size > 0.4)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter)
    .join('');
}

/** Where the right and the lower edge of the screen point to by convention, for each plane. */
const CONVENTION: Record<Plane, { right: Point3; down: Point3 }> = {
  sagittal: { right: [0, 1, 0], down: [0, 0, -1] }, // anterior on the left, head up
  coronal: { right: [1, 0, 0], down: [0, 0, -1] }, // the patient's right on the left
  axial: { right: [1, 0, 0], down: [0, 1, 0] }, // seen from the feet
};

/** The conventional directions of the screen's right and lower edge for slices with this normal. */
export function screenAxes(normal: Point3): { right: Point3; down: Point3 } {
  return CONVENTION[planeOf(normal)];
}

export interface Hanging {
  /** Rows run along the screen's vertical: the image has to be turned before it can be flipped. */
  transposed: boolean;
  flipHorizontal: boolean;
  flipVertical: boolean;
}

/** How an image, drawn with its rows from left to right, must be flipped to hang as readers expect. */
export function hanging(row: Point3, column: Point3): Hanging {
  const { right, down } = screenAxes(cross(row, column));
  const transposed = Math.abs(dot(row, right)) < Math.abs(dot(row, down));
  return {
    transposed,
    flipHorizontal: !transposed && dot(row, right) < 0,
    flipVertical: !transposed && dot(column, down) < 0,
  };
}

/** Index of the value nearest to `target`; the lower index on a tie. */
export function nearestIndex(values: readonly number[], target: number): number {
  let best = 0;
  values.forEach((value, index) => {
    if (Math.abs(value - target) < Math.abs((values[best] ?? 0) - target)) best = index;
  });
  return best;
}

/** Middle of the range that positions cover; slices may be unevenly spaced, so not the middle index. */
export function middle(positions: readonly number[]): number {
  return (Math.min(...positions) + Math.max(...positions)) / 2;
}

/** 1 where two stacks are cut towards the same side of the patient, −1 where they are cut towards opposite ones. */
export const sameWay = (a: Point3, b: Point3): 1 | -1 => (dot(a, b) >= 0 ? 1 : -1);

/**
 * Slice of another stack that lies where this one's does.
 *
 * The two scans have different frames of reference, so positions are compared relative to a pair of
 * points that the reader (or the opening) declared to match, along the same side of the patient.
 */
export function linkedSlice(
  from: { positions: readonly number[]; normal: Point3; anchor: Point3 },
  to: { positions: readonly number[]; normal: Point3; anchor: Point3 },
  slice: number,
): number {
  const moved = (from.positions[slice] ?? 0) - dot(from.anchor, from.normal);
  return nearestIndex(to.positions, dot(to.anchor, to.normal) + sameWay(from.normal, to.normal) * moved);
}

/** Round length for a scale bar of at most `maxPixels`. */
export function scaleBarMm(mmPerPixel: number, maxPixels: number): number {
  const choices = [100, 50, 20, 10, 5, 2, 1];
  return choices.find((mm) => mm / mmPerPixel <= maxPixels) ?? 1;
}
