import { expect, it } from 'vitest';

import { complete } from '@/components/scoring/rubric';
import type { Measurement } from '@/viewer';

import type { DraftBody } from './api';
import { describeDifferences } from './describe-differences';

const scans = [{ key: 'baseline', label: 'Baseline' }];
const line = (id: string, value: number, more: Partial<Measurement> = {}): Measurement => ({
  id, kind: 'length', scan: 'baseline', slice: 3, sop_uid: '', points: [[0, 0, 0], [0, value, 0]], value, ...more,
});
const body = (...measurements: Measurement[]): DraftBody => ({ content: complete({}, ['baseline']), measurements });

it('tells each measurement that differs, with both results or where alone it is', () => {
  const mine = body(line('moved', 12.5), line('same', 5), line('mine', 7), line('shifted', 3));
  const theirs = body(line('same', 5), line('moved', 13, { slice: 4 }), line('theirs', 9, { series: 1 }), line('shifted', 3, { points: [[1, 0, 0], [1, 3, 0]] }));
  expect(describeDifferences(mine, theirs, [], scans)).toEqual([
    'Baseline, Length: 12.5 mm (slice 4) here, 13.0 mm (slice 5) there',
    'Baseline, Length: 7.0 mm (slice 4), only here',
    'Baseline, Length: 3.0 mm (slice 4), its points differ',
    'Baseline, Length: 9.0 mm (series 2, slice 4), only there',
  ]);
});

it('does not mind the order of measurements', () => {
  expect(describeDifferences(body(line('a', 1), line('b', 2)), body(line('b', 2), line('a', 1)), [], scans)).toEqual([]);
});
