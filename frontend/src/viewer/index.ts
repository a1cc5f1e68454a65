/**
 * The viewer: MR stacks side by side. The only code that imports Cornerstone3D; it knows image ids,
 * DICOM headers and callbacks, never readings or the API.
 *
 * ```tsx
 * // metadata: the array of DICOM JSON that the series' WADO-RS metadata address answers
 * const scan = buildScan({
 *   key: 'baseline', label: 'Baseline', metadata,
 *   frameUrl: (sop) => `/api/cohort/series/${seriesUid}/instances/${sop}/frames/1`,
 * });
 * <Suspense fallback={<Loader />}>
 *   <StackPair scans={[scan]} overlays={{ baseline: overlay }} readOnly />
 * </Suspense>
 * ```
 *
 * `overlays` maps a scan key to a `SaliencyOverlay`: corners in patient mm (`origin`, `rowEnd`,
 * `columnEnd` are centres of the map's pixels [0,0], [0,W-1], [H-1,0]), `values` row-major bytes
 * (`decodeBytes` reads base64), `opacity` 0–1, `colourMap`. Pass a new object to change opacity or
 * colours, keeping `values` the same array: only then is the map coloured again. Slices the map does
 * not cover (`normalOffsetsMm`) are shown without it and say so. Give the parent a height: the
 * component fills it. `scans` must keep its identity (useMemo) while the same series is shown.
 *
 * Renderer: WebGL where the browser has a real one, else the CPU; `?render=cpu` or `?render=gpu` decides, and
 * so does the reader in the toolbar, which this browser remembers. A lost WebGL context goes on with the CPU.
 * For tests: `data-testid="viewport-<key>"` carries `data-state` ("loading", "ready", "error"),
 * `data-slice` (from 0), `data-slices`, `data-render`, and `data-overlay` ("none", "shown", "outside").
 */
import { lazy } from 'react';

import type { StackScan } from './types';

export const StackPair = lazy(() => import('./stack-pair'));

export { buildScan, StackError } from './stack';
export { COLOUR_MAPS, colour } from './overlay';
export { PRESETS } from './windowing';
export { handleViewerKey, VIEWER_KEYS } from './keys';
export { KINDS, proposedGrade, resultOf } from './measure';
export { purgeViewer } from './purge';
export type { StackPairProps } from './stack-pair';
export type {
  ColourMap,
  DicomJson,
  Measurement,
  MeasurementKind,
  MeasuringAct,
  Point3,
  SaliencyOverlay,
  StackScan,
  ToolName,
  ViewerHandle,
} from './types';

/** Bytes of a base64 string, e.g. a saliency map's values. */
export function decodeBytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/**
 * Loads the scans of one case ahead of its turn: opened next, they are there at once. Those loaded ahead
 * before are let go; an empty list lets go of all.
 */
export async function loadAhead(scans: StackScan[]): Promise<void> {
  (await import('./loading')).loadAhead(scans);
}
