import { cache } from '@cornerstonejs/core';

import { sliceOrigin } from './coordinates';
import { ellipseStatistics, probe, type SlicePixels } from './pixel-values';
import type { Measurement, StackScan } from './types';

/** What the pixels under a measurement say; null where it meets none of them. */
export function statisticsOf({ kind, slice, points }: Measurement, scan: StackScan): Partial<Pick<Measurement, 'value' | 'mean' | 'sd'>> | null {
  if (kind !== 'probe' && kind !== 'ellipse') return {};
  const pixels = pixelsOf(scan, slice);
  if (kind === 'probe') {
    const value = pixels && points[0] ? probe(points[0], pixels, scan.geometry) : null;
    return value === null ? null : { value };
  }
  if (!pixels) return {}; // its area is known all the same
  const found = ellipseStatistics(points, pixels, scan.geometry);
  return found && { mean: found.mean, sd: found.sd };
}

/** A slice's pixels in the units of the window; null while they are not here. */
function pixelsOf(scan: StackScan, slice: number): SlicePixels | null {
  const image = cache.getImage(scan.imageIds[slice] ?? '');
  const stored = image?.voxelManager?.getScalarData();
  if (!image || !stored) return null;
  const { slope = 1, intercept = 0, rows, columns } = image;
  const values = image.preScale?.scaled ? stored : Float32Array.from(stored, (value) => value * slope + intercept);
  return { values, rows, columns, origin: sliceOrigin(scan.metadata[slice]) };
}
