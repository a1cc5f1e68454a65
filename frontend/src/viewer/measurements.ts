import { utilities } from '@cornerstonejs/core';
import type { Types } from '@cornerstonejs/core';
import { LengthTool } from '@cornerstonejs/tools';
import type { Types as ToolTypes } from '@cornerstonejs/tools';

import { add, distance, scale } from './geometry';
import { renderMode } from './start';
import type { Measurement, Point3, StackGeometry, StackScan } from './types';

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

/** What a finished annotation measures; null for one that is not on this scan. */
export function toMeasurement(annotation: ToolTypes.Annotation, scan: StackScan): Measurement | null {
  const slice = scan.imageIds.indexOf(annotation.metadata?.referencedImageId ?? '');
  const [start, end] = annotation.data.handles?.points ?? [];
  if (slice < 0 || !start || !end || !annotation.annotationUID) return null;
  const points: [Point3, Point3] = [toPatient(start, scan.geometry), toPatient(end, scan.geometry)];
  return {
    id: annotation.annotationUID,
    kind: 'length',
    scan: scan.key,
    slice,
    sop_uid: scan.sopUids[slice] ?? '',
    points,
    value: distance(...points),
  };
}

/** The annotation that shows a kept measurement; null where the scan has no such slice. */
export function toAnnotation(
  measurement: Measurement,
  scan: StackScan,
  viewport: Types.IStackViewport,
  locked: boolean,
): ToolTypes.Annotation | null {
  const referencedImageId = scan.imageIds[measurement.slice];
  if (!referencedImageId) return null;
  const { viewPlaneNormal, viewUp } = viewport.getCamera();
  const origin: Types.Point3 = [0, 0, 0];
  return {
    annotationUID: measurement.id || utilities.uuidv4(),
    highlighted: false,
    invalidated: true,
    isLocked: locked,
    isVisible: true,
    metadata: {
      toolName: LengthTool.toolName,
      FrameOfReferenceUID: viewport.getFrameOfReferenceUID(),
      referencedImageId,
      sliceIndex: measurement.slice,
      viewPlaneNormal,
      viewUp,
    },
    data: {
      label: '',
      handles: {
        points: measurement.points.map((point) => fromPatient(point, scan.geometry)),
        activeHandleIndex: null,
        textBox: {
          hasMoved: false,
          worldPosition: origin,
          worldBoundingBox: { topLeft: origin, topRight: origin, bottomLeft: origin, bottomRight: origin },
        },
      },
      cachedStats: {},
    },
  };
}
