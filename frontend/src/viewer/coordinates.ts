import type { Types } from '@cornerstonejs/core';

import { add, dot, scale, subtract } from './geometry';
import { renderMode } from './start';
import type { DicomJson, Point3, StackGeometry } from './types';

/**
 * The CPU renderer's world coordinates lie half a pixel towards the end of the row and of the column:
 * it counts from a pixel's edge, DICOM from its centre. Distances agree, positions do not.
 */
function cpuShift({ row, column, rowSpacing, columnSpacing }: StackGeometry): Point3 {
  return renderMode() === 'cpu' ? add(scale(row, columnSpacing / 2), scale(column, rowSpacing / 2)) : [0, 0, 0];
}

/** A point of the renderer's world in patient space. */
export function toPatient(point: Types.Point3, geometry: StackGeometry): Point3 {
  return add(point, scale(cpuShift(geometry), -1));
}

/** A patient point where the renderer has to be told it is. */
export function fromPatient(point: Point3, geometry: StackGeometry): Types.Point3 {
  return add(point, cpuShift(geometry));
}

/** Centre of a slice's first pixel, mm. */
export function sliceOrigin(instance: DicomJson | undefined): Point3 {
  const values = instance?.['00200032']?.Value ?? [];
  return [Number(values[0]), Number(values[1]), Number(values[2])];
}

/** The point of a slice nearest to `point`: what is measured lies on the slice, not on the camera's plane. */
export function ontoSlice(point: Point3, origin: Point3, normal: Point3): Point3 {
  return subtract(point, scale(normal, dot(subtract(point, origin), normal)));
}
