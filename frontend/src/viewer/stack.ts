import { cross, dot, middle, nearestIndex, normalize } from './geometry';
import type { DicomJson, Point3, StackGeometry, StackScan, Window } from './types';

const TAG = {
  sopInstanceUid: '00080018',
  imagePosition: '00200032',
  imageOrientation: '00200037',
  pixelSpacing: '00280030',
  rows: '00280010',
  columns: '00280011',
  windowCenter: '00281050',
  windowWidth: '00281051',
} as const;

/** A series that cannot be shown without misleading; the message says which tag of which slice. */
export class StackError extends Error {}

function numbers(instance: DicomJson, tag: string): number[] {
  return (instance[tag]?.Value ?? []).map(Number).filter(Number.isFinite);
}

function required(instance: DicomJson, tag: string, count: number, name: string, slice: number): number[] {
  const values = numbers(instance, tag);
  if (values.length < count) throw new StackError(`Slice ${slice + 1} has no ${name}: it cannot be placed in the patient.`);
  return values.slice(0, count);
}

export function sopUid(instance: DicomJson): string {
  const value = instance[TAG.sopInstanceUid]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}

function orientation(instance: DicomJson, slice: number): { row: Point3; column: Point3 } {
  const v = required(instance, TAG.imageOrientation, 6, 'orientation (0020,0037)', slice);
  return { row: normalize(v.slice(0, 3) as Point3), column: normalize(v.slice(3, 6) as Point3) };
}

/** Geometry of slices given in order. Raises StackError where slices differ in a way that would mislead. */
export function stackGeometry(metadata: DicomJson[]): StackGeometry {
  const first = metadata[0];
  if (!first) throw new StackError('The series has no slices.');
  const { row, column } = orientation(first, 0);
  const normal = normalize(cross(row, column));
  const [rowSpacing = 1, columnSpacing = 1] = required(first, TAG.pixelSpacing, 2, 'pixel spacing (0028,0030)', 0);
  const positions = metadata.map((instance, slice) => {
    const own = orientation(instance, slice);
    if (dot(own.row, row) < 0.999 || dot(own.column, column) < 0.999) {
      throw new StackError(`Slice ${slice + 1} is oriented differently from slice 1.`);
    }
    return dot(required(instance, TAG.imagePosition, 3, 'position (0020,0032)', slice) as Point3, normal);
  });
  return {
    row,
    column,
    normal,
    positions,
    rowSpacing,
    columnSpacing,
    rows: numbers(first, TAG.rows)[0] ?? 0,
    columns: numbers(first, TAG.columns)[0] ?? 0,
    openingSlice: nearestIndex(positions, middle(positions)),
  };
}

function inOrder(metadata: DicomJson[], order: string[]): DicomJson[] {
  const byUid = new Map(metadata.map((instance) => [sopUid(instance), instance]));
  return order.map((uid) => {
    const instance = byUid.get(uid);
    if (!instance) throw new StackError('A slice of this series has no header.');
    return instance;
  });
}

function byPosition(metadata: DicomJson[]): DicomJson[] {
  const { positions } = stackGeometry(metadata);
  return metadata
    .map((instance, index) => ({ instance, position: positions[index] ?? 0 }))
    .sort((a, b) => a.position - b.position)
    .map(({ instance }) => instance);
}

/**
 * A series as the viewer shows it.
 *
 * `frameUrl` gives the address of an instance's frame (WADO-RS `…/frames/1`); `order` lists SOP
 * instance UIDs in slice order and defaults to position along the slice normal.
 */
export function buildScan({
  key,
  label,
  metadata,
  frameUrl,
  order,
  ...series
}: {
  key: string;
  label: string;
  metadata: DicomJson[];
  frameUrl: (sopUid: string) => string;
  order?: string[];
} & Pick<StackScan, 'series' | 'seriesCount' | 'family'>): StackScan {
  const instances = order ? inOrder(metadata, order) : byPosition(metadata);
  const sopUids = instances.map(sopUid);
  return {
    key,
    label,
    sopUids,
    imageIds: sopUids.map((uid) => `wadors:${frameUrl(uid)}`),
    metadata: instances,
    geometry: stackGeometry(instances),
    ...series,
  };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 ? (sorted[Math.floor(half)] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/**
 * One window for the whole stack, from the headers: scanners write one per slice, and brightness
 * that jumps while scrolling hides what a reader compares. null where no slice has a usable one.
 */
export function headerWindow(metadata: DicomJson[]): Window | null {
  const pairs = metadata
    .map((instance) => ({ c: numbers(instance, TAG.windowCenter)[0], w: numbers(instance, TAG.windowWidth)[0] }))
    .filter((pair): pair is { c: number; w: number } => pair.c !== undefined && pair.w !== undefined && pair.w > 1);
  if (pairs.length === 0) return null;
  const center = median(pairs.map(({ c }) => c));
  const width = median(pairs.map(({ w }) => w));
  return { lower: center - width / 2, upper: center + width / 2 };
}

/** The header with the stack's one window instead of its own. */
export function withWindow(instance: DicomJson, window: Window | null): DicomJson {
  const copy = { ...instance };
  delete copy[TAG.windowCenter];
  delete copy[TAG.windowWidth];
  if (window) {
    copy[TAG.windowCenter] = { vr: 'DS', Value: [(window.lower + window.upper) / 2] };
    copy[TAG.windowWidth] = { vr: 'DS', Value: [window.upper - window.lower] };
  }
  return copy;
}
