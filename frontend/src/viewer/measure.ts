/**
 * What is measured and how its value follows from its points. Pure: no DOM, no Cornerstone.
 * The server computes the same values and refuses others (annotation/measurements.py).
 */
import { add, cross, distance, dot, length, normalize, scale, subtract } from './geometry';
import type { Measurement, MeasurementKind, Point3, StackScan } from './types';

export interface KindInfo {
  label: string;
  /** Names of the points, in the order in which they are placed. */
  points: string[];
  /** How many clicks make one; an ellipse's four ends come from two corners. */
  clicks: number;
  unit: 'mm' | '°' | 'mm²' | '';
  /** Shortcut of its tool. */
  key: string;
  /** What is usual, for comparison. */
  reference?: string;
}

export const KINDS: Record<MeasurementKind, KindInfo> = {
  mcrae: {
    label: 'McRae line', points: ['Basion', 'Opisthion', 'Dens tip'], clicks: 3, unit: 'mm', key: 'V',
    reference: 'Usual: the tip 0.6–10.4 mm below a line of 34.4 ± 2.4 mm. Above the line is vertical translocation.',
  },
  atlantodental: {
    label: 'Atlantodental interval', points: ['Anterior arch of the atlas', 'Front of the dens'], clicks: 2, unit: 'mm', key: 'D',
    reference: 'Usual: 2.4 mm. More than 3 mm is abnormal.',
  },
  retro_odontoid: {
    label: 'Retro-odontoid thickness', points: ['Back of the dens', 'Back of the tissue'], clicks: 2, unit: 'mm', key: 'T',
    reference: 'Median in rheumatoid arthritis 2.3 mm. A visible pannus is 4–10 mm.',
  },
  length: { label: 'Length', points: ['Start', 'End'], clicks: 2, unit: 'mm', key: 'M' },
  angle: { label: 'Angle', points: ['First arm', 'Vertex', 'Second arm'], clicks: 3, unit: '°', key: 'N' },
  ellipse: { label: 'Ellipse', points: ['Front end', 'Back end', 'Upper end', 'Lower end'], clicks: 2, unit: 'mm²', key: 'O' },
  probe: { label: 'Probe', points: ['Pixel'], clicks: 1, unit: '', key: 'Q' },
};
export const MEASURING = Object.keys(KINDS) as MeasurementKind[];

/** Points nearer to each other than this are one point, mm: about half a pixel. */
export const APART = 0.3;
/** Points, by their places in the order, without a distance between which there is nothing to measure. */
const PAIRS: Partial<Record<MeasurementKind, [number, number][]>> = { angle: [[0, 1], [1, 2]], ellipse: [[0, 1], [2, 3]], probe: [] };

const HEAD: Point3 = [0, 0, 1];

/** The foot of a point on the line through two others. */
export function foot(point: Point3, a: Point3, b: Point3): Point3 {
  const along = normalize(subtract(b, a));
  return add(a, scale(along, dot(subtract(point, a), along)));
}

/**
 * Distance of the dens tip from the line basion–opisthion, mm; positive when the tip lies above it,
 * towards the head (McRae and Barnum 1953).
 */
export function mcraeDistance(basion: Point3, opisthion: Point3, tip: Point3): number {
  const off = subtract(tip, foot(tip, basion, opisthion));
  return Math.sign(dot(off, HEAD)) * length(off) || 0;
}

/** Degrees between the arms, 0–180. */
export function angleDegrees(a: Point3, vertex: Point3, b: Point3): number {
  const [u, v] = [subtract(a, vertex), subtract(b, vertex)];
  return (Math.atan2(length(cross(u, v)), dot(u, v)) * 180) / Math.PI;
}

/** The value that points give; a probe's is the pixel's, which points alone do not tell. */
export function valueOf(kind: MeasurementKind, points: readonly Point3[]): number {
  const [a, b, c, d] = points as [Point3, Point3, Point3, Point3];
  switch (kind) {
    case 'mcrae':
      return mcraeDistance(a, b, c);
    case 'angle':
      return angleDegrees(a, b, c);
    case 'ellipse':
      return (Math.PI / 4) * distance(a, b) * distance(c, d);
    case 'probe':
      return 0;
    default:
      return distance(a, b);
  }
}

/** Whether two points are one that must not be: a line without length, an arm, an axis. The last points may be missing. */
export function coincide(kind: MeasurementKind, points: readonly Point3[]): boolean {
  return (PAIRS[kind] ?? [[0, 1]]).some(([i, j]) => {
    const [a, b] = [points[i], points[j]];
    return a !== undefined && b !== undefined && distance(a, b) < APART - 1e-6;
  });
}

/** Vertical translocation as McRae's line shows it: 1 when the tip lies above it. */
export const proposedGrade = (mcrae: number): number => (mcrae > 0 ? 1 : 0);

/** The four ends of the ellipse in a box with these corners, whose sides run along the image's rows and columns. */
export function ellipseIn(from: Point3, to: Point3, row: Point3, column: Point3): Point3[] {
  const centre = scale(add(from, to), 0.5);
  const half = scale(subtract(to, from), 0.5);
  const across = scale(row, Math.abs(dot(half, row)));
  const down = scale(column, Math.abs(dot(half, column)));
  return [subtract(centre, across), add(centre, across), subtract(centre, down), add(centre, down)];
}

/** The points after one was moved; an ellipse keeps its centre and its axes, the other end follows. */
export function withPoint(kind: MeasurementKind, points: readonly Point3[], index: number, to: Point3): Point3[] {
  if (kind !== 'ellipse') return points.map((point, i) => (i === index ? to : point));
  const pair = index < 2 ? [0, 1] : [2, 3];
  const [a, b] = [points[pair[0] ?? 0], points[pair[1] ?? 0]] as [Point3, Point3];
  const centre = scale(add(a, b), 0.5);
  const axis = normalize(subtract(b, a));
  const half = scale(axis, Math.max(APART / 2, Math.abs(dot(subtract(to, centre), axis))));
  return points.map((point, i) => (i === pair[0] ? subtract(centre, half) : i === pair[1] ? add(centre, half) : point));
}

/** Decimals as a pixel of half a millimetre deserves; never "-0.0". */
export function written(kind: MeasurementKind, value: number): string {
  const { unit } = KINDS[kind];
  const text = unit === 'mm' || unit === '°' ? value.toFixed(1) : value.toFixed(0);
  return `${text.replace(/^-(0(\.0)?)$/, '$1').replace('-', '−')}${unit === '°' ? '°' : unit && ` ${unit}`}`;
}

/** Whether it was measured on the series that is shown of this scan. */
export function isOn(measurement: Measurement, scan: StackScan): boolean {
  return measurement.scan === scan.key && (measurement.series ?? 0) === (scan.series ?? 0);
}

/** Whether it is on the slice that is shown of this scan. */
export function isAt(place: Pick<Measurement, 'scan' | 'series' | 'slice'>, scan: StackScan, slice: number): boolean {
  return place.scan === scan.key && (place.series ?? 0) === (scan.series ?? 0) && place.slice === slice;
}

/** A measurement's result in words: "2.4 mm above" for McRae's line, mean and SD for an ellipse. */
export function resultOf({ kind, value, mean, sd }: { kind: MeasurementKind; value: number; mean?: number | null; sd?: number | null }): string {
  if (kind === 'mcrae') {
    const size = written(kind, Math.abs(value));
    return size === '0.0 mm' ? 'tip on the line' : `tip ${size} ${value > 0 ? 'above' : 'below'}`;
  }
  if (kind === 'ellipse' && mean != null && sd != null) return `${written(kind, value)}, mean ${mean.toFixed(0)}, SD ${sd.toFixed(0)}`;
  return written(kind, value);
}
