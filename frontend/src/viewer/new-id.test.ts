import { expect, it, vi } from 'vitest';

import { MeasurementBook, type Place } from './measurement-book';
import { newId } from './new-id';

it('makes UUIDs where crypto.randomUUID is missing, as on a page served by plain HTTP', () => {
  vi.stubGlobal('crypto', { getRandomValues: (bytes: Uint8Array) => bytes.fill(255) });
  expect(newId()).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  const book = new MeasurementBook([], () => ({}), () => undefined, () => undefined);
  const place = { series: 0, scan: 'baseline', slice: 5, sop_uid: '', row: [0, 1, 0], column: [0, 0, -1] } satisfies Place;
  book.place('length', place, [0, 0, 0]);
  book.place('length', place, [0, 3, 4]);
  expect(book.items).toMatchObject([{ id: 'ffffffff-ffff-4fff-bfff-ffffffffffff', value: 5 }]);
  vi.unstubAllGlobals();
});

it('never makes the same twice', () => {
  expect(new Set(Array.from({ length: 100 }, newId)).size).toBe(100);
});
