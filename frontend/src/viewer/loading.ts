import { cache, Enums, imageLoader, imageLoadPoolManager } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';

import { onPurge } from './purge';
import { headerWindow, withWindow } from './stack';
import { start } from './start';
import type { DicomJson, StackScan } from './types';

/** The slices' headers, and how many hold a slice: the case on screen, and the one loaded ahead of it. */
const held = new Map<string, { header: DicomJson; holders: number }>();

/** Tells the loader about a scan's slices; must come before they are shown, and be undone by releaseScan. */
export function registerScan({ imageIds, metadata }: StackScan): void {
  const window = headerWindow(metadata);
  imageIds.forEach((imageId, index) => {
    const slice = held.get(imageId);
    const instance = metadata[index];
    if (slice) slice.holders += 1;
    else if (instance) {
      const header = withWindow(instance, window);
      held.set(imageId, { header, holders: 1 });
      wadors.metaDataManager.add(imageId, header as never);
    }
  });
}

/** Drops a scan's decoded images and headers, unless somebody else holds them too. */
export function releaseScan({ imageIds }: StackScan): void {
  const dropped = new Set(
    imageIds.filter((imageId) => {
      const slice = held.get(imageId);
      if (slice) slice.holders -= 1;
      return !slice || slice.holders <= 0;
    }),
  );
  imageLoadPoolManager.filterRequests(({ additionalDetails }) => !dropped.has(additionalDetails.imageId ?? ''));
  for (const imageId of dropped) {
    held.delete(imageId);
    if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
  }
  // The loader's own remove keeps the address of every slice it ever knew.
  wadors.metaDataManager.purge();
  for (const [imageId, { header }] of held) wadors.metaDataManager.add(imageId, header as never);
}

/** Fetches and decodes a registered scan's slices at low priority, the middle first. */
export function prefetchScan({ imageIds, geometry }: StackScan): Promise<unknown> {
  const { Prefetch } = Enums.RequestType;
  const nearestFirst = [...imageIds.keys()].sort(
    (a, b) => Math.abs(a - geometry.openingSlice) - Math.abs(b - geometry.openingSlice),
  );
  const options = { requestType: Prefetch, priority: 0 };
  return Promise.all(
    nearestFirst.map((index) => {
      const imageId = imageIds[index] ?? '';
      return new Promise<void>((done) => {
        const load = () => imageLoader.loadAndCacheImage(imageId, options).catch(() => undefined).then(() => done());
        imageLoadPoolManager.addRequest(load, Prefetch, { imageId }, 0);
      });
    }),
  );
}

let ahead: StackScan[] = [];

/** Loads one case ahead of its turn, letting go of the one loaded before; an empty list lets go of all. */
export function loadAhead(scans: StackScan[]): void {
  start();
  const before = ahead;
  ahead = scans;
  scans.forEach(registerScan);
  before.forEach(releaseScan);
  for (const scan of scans) void prefetchScan(scan);
}

onPurge(() => {
  ahead = [];
  held.clear();
  cache.purgeCache();
  wadors.metaDataManager.purge();
});
