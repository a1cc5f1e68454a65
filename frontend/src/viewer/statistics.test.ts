import { expect, it, vi } from 'vitest';

import { ellipseIn } from './measure';
import { statisticsOf } from './statistics';
import type { Measurement, MeasurementKind, Point3, StackScan } from './types';

const cached = new Map<string, unknown>();
vi.mock('@cornerstonejs/core', () => ({ cache: { getImage: (imageId: string) => cached.get(imageId) } }));

const [row, column]: Point3[] = [[0, 1, 0], [0, 0, -1]];
/** A sagittal slice of 8 × 8 pixels of a millimetre, all of the value 200; the slice after it is not loaded. */
const scan = {
  imageIds: ['here', 'coming'],
  metadata: [{ '00200032': { Value: [4, 0, 0] } }, { '00200032': { Value: [8, 0, 0] } }],
  geometry: { row, column, rowSpacing: 1, columnSpacing: 1 },
} as unknown as StackScan;
cached.set('here', { rows: 8, columns: 8, preScale: { scaled: true }, voxelManager: { getScalarData: () => new Float32Array(64).fill(200) } });

const made = (kind: MeasurementKind, points: Point3[], slice = 0): Measurement => ({ id: 'a', kind, scan: 'baseline', slice, sop_uid: '', points, value: 0 });
const ellipse = (from: Point3, to: Point3) => ellipseIn(from, to, row as Point3, column as Point3);

it('reads the pixels under a probe and in an ellipse', () => {
  expect(statisticsOf(made('probe', [[4, 2, -2]]), scan)).toEqual({ value: 200 });
  expect(statisticsOf(made('ellipse', ellipse([4, 1, -1], [4, 5, -5])), scan)).toEqual({ mean: 200, sd: 0 });
});

it('finds nothing where none of the slice’s pixels lies', () => {
  expect(statisticsOf(made('probe', [[4, 20, -2]]), scan)).toBeNull();
  expect(statisticsOf(made('ellipse', ellipse([4, 20, -1], [4, 25, -5])), scan)).toBeNull();
  expect(statisticsOf(made('ellipse', ellipse([4, 2.3, -2.3], [4, 2.7, -2.7])), scan)).toBeNull();
});

it('asks no pixels where points alone tell', () => {
  expect(statisticsOf(made('length', [[4, 20, 0], [4, 30, 0]]), scan)).toEqual({});
});

it('keeps an ellipse whose pixels are not here, without what they would say', () => {
  expect(statisticsOf(made('ellipse', ellipse([4, 1, -1], [4, 5, -5]), 1), scan)).toEqual({});
});
