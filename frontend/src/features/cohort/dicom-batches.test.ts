import { expect, it } from 'vitest';

import { batches, parcelOf } from './dicom-batches';

function parcels(folder: string, n: number, bytes = 10) {
  return Array.from({ length: n }, (_, index) => {
    const file = new File(['x'.repeat(bytes)], `${index}.dcm`);
    return { file, path: `${folder}/${index}.dcm` };
  });
}

it('keeps each folder in one request', () => {
  const requests = batches([...parcels('a', 4), ...parcels('b', 4), ...parcels('c', 1)], 6);
  expect(requests.map((request) => request.map(({ path }) => path[0]).join(''))).toEqual(['aaaa', 'bbbbc']);
});

it('cuts only a folder larger than a request, and loses nothing', () => {
  const all = parcels('big', 13);
  const requests = batches(all, 5);
  expect(requests.map((request) => request.length)).toEqual([5, 5, 3]);
  expect(requests.flat()).toHaveLength(13);
});

it('minds the size as well as the number', () => {
  expect(batches([...parcels('a', 2, 60), ...parcels('b', 2, 60)], 100, 130)).toHaveLength(2);
});

it('has nothing to send for nothing', () => {
  expect(batches([])).toEqual([]);
});

it('keeps the path a browser gives', () => {
  const file = Object.assign(new File([], 'i.dcm'), { path: './study/i.dcm' });
  expect(parcelOf(file).path).toBe('study/i.dcm');
});
