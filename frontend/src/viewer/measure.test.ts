import { describe, expect, it } from 'vitest';

import { angleDegrees, coincide, ellipseIn, foot, mcraeDistance, proposedGrade, resultOf, valueOf, withPoint, written } from './measure';
import { ellipseStatistics, indexOf, probe } from './pixel-values';
import type { Point3 } from './types';

// A sagittal slice at x = 4: y runs to the back, z to the head.
const basion: Point3 = [4, 0, 100];
const opisthion: Point3 = [4, 30, 90];

describe('McRae’s line', () => {
  it('is zero on the line, also beyond its ends', () => {
    expect(mcraeDistance(basion, opisthion, [4, 15, 95])).toBeCloseTo(0, 12);
    expect(mcraeDistance(basion, opisthion, [4, -30, 110])).toBeCloseTo(0, 12);
  });

  it('is positive towards the head: a line falling 1 in 3, a tip 5 mm straight above its start', () => {
    // Distance of (0, 5) from the line through 0 with direction (3, -1)/√10: 5 · 3/√10.
    expect(mcraeDistance(basion, opisthion, [4, 0, 105])).toBeCloseTo(15 / Math.sqrt(10), 12);
    expect(mcraeDistance(basion, opisthion, [4, 0, 95])).toBeCloseTo(-15 / Math.sqrt(10), 12);
    expect(foot([4, 0, 105], basion, opisthion)).toEqual([4, -1.5, 100.5].map((v) => expect.closeTo(v, 9) as number));
  });

  it('does not depend on which end is clicked first, nor on where the patient lies', () => {
    const tip: Point3 = [4, 8, 101];
    const value = mcraeDistance(basion, opisthion, tip);
    expect(mcraeDistance(opisthion, basion, tip)).toBeCloseTo(value, 12);
    const shift = ([x, y, z]: Point3): Point3 => [x - 70, y + 33, z - 250];
    expect(mcraeDistance(shift(basion), shift(opisthion), shift(tip))).toBeCloseTo(value, 9);
  });

  it('proposes translocation only above the line', () => {
    expect([-2, 0, 0.1].map(proposedGrade)).toEqual([0, 0, 1]);
  });
});

it('knows points that must be apart and are not', () => {
  expect(coincide('length', [[0, 0, 0], [0, 0.2, 0.2]])).toBe(true);
  expect(coincide('length', [[0, 0, 0], [0, 0.3, 0]])).toBe(false);
  expect(coincide('mcrae', [basion, basion, opisthion])).toBe(true);
  expect(coincide('mcrae', [basion, opisthion, basion])).toBe(false); // a tip on the line's end lies on the line
  expect(coincide('angle', [[0, 1, 0], [0, 0, 0], [0, 0, 0]])).toBe(true);
  expect(coincide('ellipse', [[0, 1, 0], [0, 9, 0], [0, 5, 0], [0, 5, 0.1]])).toBe(true);
  expect(coincide('probe', [[0, 1, 0]])).toBe(false);
});

it('measures angles at the vertex', () => {
  expect(angleDegrees([0, 1, 0], [0, 0, 0], [0, 0, 3])).toBeCloseTo(90, 12);
  expect(angleDegrees([0, 1, 0], [0, 0, 0], [0, 2, 0])).toBe(0);
  expect(angleDegrees([0, 1, 0], [0, 0, 0], [0, -1, 1])).toBeCloseTo(135, 12);
  expect(angleDegrees([0, 0, 0], [0, 0, 0], [0, -1, 1])).toBe(0); // an arm without length
});

describe('an ellipse', () => {
  const ends = ellipseIn([4, 10, 50], [4, 20, 44], [0, 1, 0], [0, 0, -1]);

  it('fills the box dragged out', () => {
    expect(ends).toEqual([[4, 10, 47], [4, 20, 47], [4, 15, 50], [4, 15, 44]]);
    expect(valueOf('ellipse', ends)).toBeCloseTo((Math.PI / 4) * 10 * 6, 12);
  });

  it('keeps centre and axes when an end is moved', () => {
    const wider = withPoint('ellipse', ends, 1, [4, 23, 99]);
    expect(wider).toEqual([[4, 7, 47], [4, 23, 47], [4, 15, 50], [4, 15, 44]]);
    expect(withPoint('length', [[0, 0, 0], [0, 1, 0]], 0, [0, 5, 5])).toEqual([[0, 5, 5], [0, 1, 0]]);
  });
});

describe('pixel values', () => {
  const axes = { row: [0, 1, 0] as Point3, column: [0, 0, -1] as Point3, rowSpacing: 2, columnSpacing: 0.5 };
  const pixels = { values: Float32Array.from({ length: 20 }, (_, i) => i), rows: 4, columns: 5, origin: [4, 10, 50] as Point3 };

  it('are those of the pixel whose centre is nearest', () => {
    expect(indexOf([4, 11, 46], pixels.origin, axes)).toEqual([2, 2]);
    expect(probe([4, 11.2, 46.9], pixels, axes)).toBe(12);
    expect(probe([4, 9.7, 50], pixels, axes)).toBeNull(); // more than half a pixel before the first
    expect(probe([4, 9.8, 50], pixels, axes)).toBe(0);
  });

  it('give mean and SD over the centres inside: 6, 10, 11, 12, 16 lie in an ellipse of one pixel around 11', () => {
    const ends: Point3[] = [[4, 10, 46], [4, 11, 46], [4, 10.5, 48], [4, 10.5, 44]];
    const found = ellipseStatistics(ends, pixels, axes);
    expect(found).toEqual({ mean: 11, sd: expect.closeTo(Math.sqrt(52 / 4), 9) as number, count: 5 });
    expect(ellipseStatistics(ends.map(() => [4, 99, 46]), pixels, axes)).toBeNull();
  });
});

it('writes results as readers say them', () => {
  expect(written('length', 12.345)).toBe('12.3 mm');
  expect(written('length', -0.04)).toBe('0.0 mm');
  expect(written('angle', 91.06)).toBe('91.1°');
  expect(resultOf({ kind: 'mcrae', value: -3.21 })).toBe('tip 3.2 mm below');
  expect(resultOf({ kind: 'mcrae', value: 0.31 })).toBe('tip 0.3 mm above');
  expect(resultOf({ kind: 'mcrae', value: 0.02 })).toBe('tip on the line');
  expect(resultOf({ kind: 'ellipse', value: 47.1, mean: 310.4, sd: 12.6 })).toBe('47 mm², mean 310, SD 13');
});
