import { describe, expect, it } from 'vitest';

import { buildScan, headerWindow, stackGeometry, StackError, withWindow } from './stack';
import type { DicomJson } from './types';
import { percentiles, PRESETS, robustWindow } from './windowing';

function instance(uid: string, x: number, extra: DicomJson = {}): DicomJson {
  return {
    '00080018': { vr: 'UI', Value: [uid] },
    '00200032': { vr: 'DS', Value: [x, -120, 90] },
    '00200037': { vr: 'DS', Value: [0, 1, 0, 0, 0, -1] },
    '00280030': { vr: 'DS', Value: [0.5, 0.6] },
    '00280010': { vr: 'US', Value: [512] },
    '00280011': { vr: 'US', Value: [256] },
    ...extra,
  };
}
const window = (center: number, width: number): DicomJson => ({
  '00281050': { vr: 'DS', Value: [center] },
  '00281051': { vr: 'DS', Value: [width] },
});
const frameUrl = (sop: string) => `/frames/${sop}`;

describe('buildScan', () => {
  const shuffled = [instance('b', 0), instance('a', 3.3), instance('c', -3.3)];

  it('orders slices by position along the normal', () => {
    const scan = buildScan({ key: 'baseline', label: 'Baseline', metadata: shuffled, frameUrl });
    expect(scan.sopUids).toEqual(['a', 'b', 'c']); // row × column points to the right: -x
    expect(scan.imageIds[0]).toBe('wadors:/frames/a');
    expect(scan.geometry.openingSlice).toBe(1);
    expect(scan.geometry.normal[0]).toBe(-1);
  });

  it('takes a given order', () => {
    const scan = buildScan({ key: 'k', label: 'K', metadata: shuffled, frameUrl, order: ['c', 'b', 'a'] });
    expect(scan.sopUids).toEqual(['c', 'b', 'a']);
    expect(scan.geometry.positions).toEqual([3.3, -0, -3.3].map((value) => expect.closeTo(value) as number));
  });

  it('refuses an order that names a slice without header', () => {
    expect(() => buildScan({ key: 'k', label: 'K', metadata: shuffled, frameUrl, order: ['a', 'x'] })).toThrow(StackError);
  });
});

describe('stackGeometry', () => {
  it('keeps the spacing of rows and columns apart', () => {
    expect(stackGeometry([instance('a', 0)])).toMatchObject({ rowSpacing: 0.5, columnSpacing: 0.6, rows: 512, columns: 256 });
  });

  it('names the slice and the tag that is missing', () => {
    expect(() => stackGeometry([instance('a', 0), instance('b', 1, { '00200032': undefined })])).toThrow(
      'Slice 2 has no position (0020,0032)',
    );
    expect(() => stackGeometry([])).toThrow('no slices');
  });

  it('refuses slices that are oriented differently', () => {
    const turned = instance('b', 1, { '00200037': { vr: 'DS', Value: [1, 0, 0, 0, 1, 0] } });
    expect(() => stackGeometry([instance('a', 0), turned])).toThrow('Slice 2 is oriented differently');
  });
});

describe('windows', () => {
  it('makes one window of the slices’ own, by the median', () => {
    const metadata = [instance('a', 0, window(100, 200)), instance('b', 1, window(110, 220)), instance('c', 2, window(900, 4000))];
    expect(headerWindow(metadata)).toEqual({ lower: 0, upper: 220 });
    expect(withWindow(metadata[2] ?? {}, { lower: 0, upper: 220 })).toMatchObject({ '00281050': { Value: [110] }, '00281051': { Value: [220] } });
  });

  it('has none where the headers have none', () => {
    expect(headerWindow([instance('a', 0), instance('b', 1, window(5, 0))])).toBeNull();
    expect(withWindow(instance('a', 0, window(5, 10)), null)['00281050']).toBeUndefined();
  });

  it('is not decided by outliers', () => {
    const pixels = Float32Array.from({ length: 1000 }, (_, i) => (i === 0 ? -5000 : i > 996 ? 30000 : i));
    const { lower, upper } = robustWindow(pixels);
    expect(lower).toBeGreaterThanOrEqual(0);
    expect(upper).toBeLessThan(1000);
    expect(percentiles([1, 2, 3, 4], [0.5, 1])).toEqual([2, 4]);
    expect(robustWindow([7, 7, 7])).toEqual({ lower: 7, upper: 8 });
  });

  it('presets are never empty', () => {
    for (const { of } of PRESETS) {
      const { lower, upper } = of({ lower: 3, upper: 4 }, { lower: 0, upper: 1 });
      expect(upper - lower).toBeGreaterThanOrEqual(1);
    }
  });
});
