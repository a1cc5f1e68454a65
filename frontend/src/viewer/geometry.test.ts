import { describe, expect, it } from 'vitest';

import { directionLetters, hanging, linkedSlice, middle, nearestIndex, planeOf, scaleBarMm } from './geometry';
import type { Point3 } from './types';

describe('directionLetters', () => {
  it.each<[Point3, string]>([
    [[1, 0, 0], 'L'],
    [[-1, 0, 0], 'R'],
    [[0, 1, 0], 'P'],
    [[0, -1, 0], 'A'],
    [[0, 0, 1], 'H'],
    [[0, 0, -2], 'F'],
    [[0.14, -0.98, 0.1], 'A'], // a tilt of 8° does not add a letter
    [[0, -0.8, 0.6], 'AH'],
  ])('%s is %s', (direction, letters) => expect(directionLetters(direction)).toBe(letters));
});

describe('hanging', () => {
  it.each<[string, Point3, Point3, boolean, boolean, boolean]>([
    ['as acquired', [0, 1, 0], [0, 0, -1], false, false, false],
    ['anterior on the right', [0, -1, 0], [0, 0, -1], false, true, false],
    ['feet up', [0, 1, 0], [0, 0, 1], false, false, true],
    ['turned round', [0, -1, 0], [0, 0, 1], false, true, true],
    ['rows along the body', [0, 0, -1], [0, 1, 0], true, false, false],
    ['axial, seen from the head', [-1, 0, 0], [0, 1, 0], false, true, false],
  ])('%s', (_, row, column, transposed, flipHorizontal, flipVertical) =>
    expect(hanging(row, column)).toEqual({ transposed, flipHorizontal, flipVertical }),
  );

  it('calls a tilted sagittal stack sagittal', () => expect(planeOf([-0.98, 0.14, 0.14])).toBe('sagittal'));
});

describe('slices', () => {
  it('finds the nearest position and the middle of uneven stacks', () => {
    const positions = [0, 1, 2, 3, 30];
    expect(middle(positions)).toBe(15);
    expect(nearestIndex(positions, middle(positions))).toBe(3);
    expect(nearestIndex([0, 2], 1)).toBe(0);
  });

  it('links stacks by millimetres from the matched pair, not by index', () => {
    const coarse = { positions: [0, 4, 8, 12, 16], normal: [-1, 0, 0] as Point3, anchor: [-8, 0, 0] as Point3 };
    const fine = { positions: [100, 101, 102, 103, 104, 105, 106, 107, 108], normal: [-1, 0, 0] as Point3, anchor: [-104, 5, 9] as Point3 };
    expect(linkedSlice(coarse, fine, 3)).toBe(8);
    expect(linkedSlice(fine, coarse, 7)).toBe(3); // 3 mm is nearer to 4 than to 0
    expect(linkedSlice(coarse, fine, 0)).toBe(0); // beyond the end: the last one there is
  });

  it('goes the other way where the other stack was stored from the other side', () => {
    const right = { positions: [0, 3, 6], normal: [-1, 0, 0] as Point3, anchor: [-3, 0, 0] as Point3 };
    const left = { positions: [0, 3, 6], normal: [1, 0, 0] as Point3, anchor: [3, 0, 0] as Point3 };
    expect(linkedSlice(right, left, 2)).toBe(0);
  });
});

it('chooses a round scale bar that fits', () => {
  expect(scaleBarMm(0.5, 140)).toBe(50);
  expect(scaleBarMm(0.05, 140)).toBe(5);
  expect(scaleBarMm(10, 140)).toBe(100);
});
