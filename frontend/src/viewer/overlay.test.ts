import { describe, expect, it } from 'vitest';

import { colour, colourise, coversSlice, overlayTransform } from './overlay';
import type { Point3, SaliencyOverlay } from './types';

/** A 5 × 3 map, 2 mm by 4 mm pixels, on a sagittal plane: rows to the back, columns to the feet. */
const overlay: SaliencyOverlay = {
  width: 5,
  height: 3,
  origin: [0, 10, 50],
  rowEnd: [0, 18, 50],
  columnEnd: [0, 10, 42],
  normalOffsetsMm: [-3.3, 0, 3.3],
  values: Uint8Array.from({ length: 15 }, (_, i) => (i === 7 ? 255 : 0)),
  opacity: 0.5,
  colourMap: 'blue_red',
};
/** A screen with 3 pixels a mm whose corner is y = 0, z = 60. */
const project = ([, y, z]: Point3): [number, number] => [y * 3, (60 - z) * 3];

describe('overlayTransform', () => {
  const [a, b, c, d, e, f] = overlayTransform(overlay, project);
  const at = (x: number, y: number) => [a * x + c * y + e, b * x + d * y + f];

  it('puts the centre of a map pixel where it lies in the patient', () => {
    expect(at(0.5, 0.5)).toEqual([30, 30]); // first pixel: y = 10, z = 50
    expect(at(2.5, 1.5)).toEqual([(10 + 4) * 3, (60 - 46) * 3]); // the hot one, column 2, row 1
    expect(at(4.5, 2.5)).toEqual([18 * 3, 18 * 3]);
  });

  it('starts half a pixel before the first centre', () => expect(at(0, 0)).toEqual([27, 24]));

  it('stands a map of one row or column', () => {
    const line = { ...overlay, height: 1, columnEnd: overlay.origin };
    expect(overlayTransform(line, project).every(Number.isFinite)).toBe(true);
  });
});

describe('coversSlice', () => {
  it.each([
    [0, true],
    [-3.3, true],
    [-4.9, true],
    [-5.5, false],
    [6.6, false],
  ])('a slice %d mm along the normal: %s', (offset, covered) => {
    expect(coversSlice(overlay, [-offset, 99, 99])).toBe(covered); // the normal points to -x
  });

  it('covers everything without offsets', () => {
    expect(coversSlice({ ...overlay, normalOffsetsMm: [] }, [80, 0, 0])).toBe(true);
  });
});

describe('colours', () => {
  it('run from blue to red as in the paper', () => {
    const [low, high] = [colour('blue_red', 0), colour('blue_red', 255)];
    expect(low[2]).toBeGreaterThan(low[0]);
    expect(high[0]).toBeGreaterThan(high[2]);
  });

  it.each(['inferno', 'cividis'] as const)('%s grows lighter all the way', (map) => {
    const light = Array.from({ length: 256 }, (_, v) => colour(map, v)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
    for (let i = 1; i < 256; i += 1) expect(light[i]).toBeGreaterThanOrEqual((light[i - 1] ?? 0) - 1);
  });

  it('colours the one hot pixel', () => {
    const pixels = colourise(overlay);
    expect([...pixels.slice(7 * 4, 7 * 4 + 4)]).toEqual([128, 0, 0, 255]);
    expect([...pixels.slice(0, 4)]).toEqual([0, 0, 143, 255]);
  });
});
