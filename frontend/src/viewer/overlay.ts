import { cross, dot, normalize, subtract } from './geometry';
import type { ColourMap, Point3, SaliencyOverlay } from './types';

/**
 * Anchor colours, low to high, joined linearly. `inferno` and `cividis` are the perceptually even maps
 * published with matplotlib (CC0); `blue_red` is the paper's: red is more, blue is less.
 */
const ANCHORS: Record<ColourMap, [number, number, number][]> = {
  blue_red: [
    [0, 0, 143],
    [0, 0, 255],
    [0, 255, 255],
    [255, 255, 0],
    [255, 0, 0],
    [128, 0, 0],
  ],
  inferno: [
    [0, 0, 4],
    [40, 11, 84],
    [101, 21, 110],
    [159, 42, 99],
    [212, 72, 66],
    [245, 125, 21],
    [250, 193, 39],
    [252, 255, 164],
  ],
  cividis: [
    [0, 34, 78],
    [42, 63, 108],
    [87, 92, 109],
    [124, 123, 120],
    [166, 157, 117],
    [211, 193, 100],
    [254, 232, 56],
  ],
};

export const COLOUR_MAPS: { value: ColourMap; label: string }[] = [
  { value: 'blue_red', label: 'Blue to red (as in the paper)' },
  { value: 'inferno', label: 'Inferno (perceptually even)' },
  { value: 'cividis', label: 'Cividis (colour-blind safe)' },
];

/** Colour of a value 0–255. */
export function colour(map: ColourMap, value: number): [number, number, number] {
  const anchors = ANCHORS[map];
  const at = (Math.min(255, Math.max(0, value)) / 255) * (anchors.length - 1);
  const low = Math.min(Math.floor(at), anchors.length - 2);
  const t = at - low;
  const [a, b] = [anchors[low] ?? [0, 0, 0], anchors[low + 1] ?? [0, 0, 0]];
  return [0, 1, 2].map((i) => Math.round((a[i] ?? 0) * (1 - t) + (b[i] ?? 0) * t)) as [number, number, number];
}

/** RGBA bytes of a map, opaque; opacity is applied when drawing. */
export function colourise({ values, width, height, colourMap }: SaliencyOverlay): Uint8ClampedArray<ArrayBuffer> {
  const table = Array.from({ length: 256 }, (_, value) => colour(colourMap, value));
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i += 1) {
    pixels.set(table[values[i] ?? 0] ?? [0, 0, 0], i * 4);
    pixels[i * 4 + 3] = 255;
  }
  return pixels;
}

/** The six numbers of a 2-D canvas transform from map pixels (corner of the first = 0, 0) to canvas. */
export type Affine = [number, number, number, number, number, number];

/**
 * Where the map's pixels fall on the canvas.
 *
 * `project` maps a patient point to canvas pixels; both projections are parallel, so three corners
 * fix the map. Corners are centres of pixels, drawing starts at their edge: half a pixel less.
 */
export function overlayTransform(overlay: SaliencyOverlay, project: (point: Point3) => [number, number]): Affine {
  const { width, height } = overlay;
  const o = project(overlay.origin);
  const r = project(overlay.rowEnd);
  const c = project(overlay.columnEnd);
  const ax = (r[0] - o[0]) / Math.max(1, width - 1);
  const ay = (r[1] - o[1]) / Math.max(1, width - 1);
  const bx = (c[0] - o[0]) / Math.max(1, height - 1);
  const by = (c[1] - o[1]) / Math.max(1, height - 1);
  return [ax, ay, bx, by, o[0] - (ax + bx) / 2, o[1] - (ay + by) / 2];
}

/** Whether the map says anything about the slice through `point` (a point of that slice, mm). */
export function coversSlice(overlay: SaliencyOverlay, point: Point3): boolean {
  const offsets = overlay.normalOffsetsMm ?? [];
  if (offsets.length === 0) return true;
  const normal = normalize(
    cross(subtract(overlay.rowEnd, overlay.origin), subtract(overlay.columnEnd, overlay.origin)),
  );
  const at = dot(subtract(point, overlay.origin), normal);
  const sorted = [...offsets].sort((a, b) => a - b);
  const gap = sorted.length > 1 ? ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) / (sorted.length - 1) : 3;
  return offsets.some((offset) => Math.abs(offset - at) <= gap / 2 + 0.01);
}

/** Draws the map on `canvas` (device pixels = CSS pixels × `ratio`), clearing what was there. */
export class OverlayPainter {
  private coloured: { overlay: SaliencyOverlay; canvas: HTMLCanvasElement } | null = null;

  draw(
    canvas: HTMLCanvasElement,
    overlay: SaliencyOverlay | null,
    project: (point: Point3) => [number, number],
    ratio: number,
  ): void {
    const context = canvas.getContext('2d');
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!overlay || overlay.opacity <= 0) return;
    const [a, b, c, d, e, f] = overlayTransform(overlay, project);
    context.globalAlpha = Math.min(1, overlay.opacity);
    context.imageSmoothingEnabled = true;
    context.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, e * ratio, f * ratio);
    context.drawImage(this.image(overlay), 0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
  }

  private image(overlay: SaliencyOverlay): HTMLCanvasElement {
    const known = this.coloured;
    if (known && known.overlay.values === overlay.values && known.overlay.colourMap === overlay.colourMap) {
      return known.canvas;
    }
    const canvas = document.createElement('canvas');
    canvas.width = overlay.width;
    canvas.height = overlay.height;
    canvas.getContext('2d')?.putImageData(new ImageData(colourise(overlay), overlay.width, overlay.height), 0, 0);
    this.coloured = { overlay, canvas };
    return canvas;
  }
}
