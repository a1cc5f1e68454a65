import { describe, expect, it } from 'vitest';

import { cellOf, countsAt, figuresOf, operatingPoint, wilson } from './confusion';

const rows = [
  { outcome: 1, score: 0.9 },
  { outcome: 1, score: 0.5 },
  { outcome: 1, score: 0.2 },
  { outcome: 0, score: 0.6 },
  { outcome: 0, score: 0.1 },
];

describe('countsAt', () => {
  it('calls a score at the threshold positive, as the server does', () => {
    expect(cellOf({ outcome: 1, score: 0.5 }, 0.5)).toBe('TP');
    expect(countsAt(rows, 0.5)).toEqual({ tp: 2, fp: 1, tn: 1, fn: 1 });
  });
  it('loses nobody at any threshold', () => {
    for (const threshold of [0, 0.1, 0.55, 0.9, 0.95, 1]) {
      const { tp, fp, tn, fn } = countsAt(rows, threshold);
      expect(tp + fp + tn + fn).toBe(rows.length);
      expect(tp + fn).toBe(3);
    }
    expect(countsAt(rows, 0)).toEqual({ tp: 3, fp: 2, tn: 0, fn: 0 });
  });
});

describe('figuresOf', () => {
  // The two matrices behind the paper's Table 2, computed by hand from their counts.
  it('gives the figures of the 67-patient matrix', () => {
    const figures = figuresOf({ tp: 9, fp: 7, tn: 48, fn: 3 });
    expect(figures.sensitivity?.value).toBeCloseTo(0.75, 6);
    expect(figures.specificity?.value).toBeCloseTo(0.8727, 4);
    expect(figures.accuracy?.value).toBeCloseTo(0.8507, 4);
    expect(figures.ppv?.value).toBeCloseTo(0.5625, 6);
    expect(figures.npv?.value).toBeCloseTo(0.9412, 4);
    expect(figures.f1?.value).toBeCloseTo(0.6429, 4);
  });
  it('leaves undefined what has no denominator', () => {
    const figures = figuresOf({ tp: 0, fp: 0, tn: 5, fn: 0 });
    expect(figures.sensitivity?.value).toBeNull();
    expect(figures.ppv?.wilson).toBeNull();
    expect(figures.f1?.value).toBeNull();
    expect(figures.mcc?.value).toBeNull();
    expect(operatingPoint({ tp: 0, fp: 0, tn: 5, fn: 0 })).toEqual({ fpr: 0, tpr: null, precision: null });
  });
});

describe('wilson', () => {
  it('agrees with published values', () => {
    // Newcombe, Stat Med 1998;17:857, table I: 81/263 and 15/148, 0/20 and 1/29.
    const published: [number, number, number, number][] = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ];
    for (const [k, n, low, high] of published) {
      const bounds = wilson(k, n);
      expect(bounds?.[0]).toBeCloseTo(low, 4);
      expect(bounds?.[1]).toBeCloseTo(high, 4);
    }
  });
  it('stays inside the unit interval', () => {
    expect(wilson(5, 5)?.[1]).toBe(1);
    expect(wilson(0, 0)).toBeNull();
  });
});
