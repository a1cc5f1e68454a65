import {
  getConfiguration,
  getRenderingCapabilities,
  getShouldUseCPURendering,
  init as initCore,
  setUseCPURendering,
} from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import { addTool, init as initTools, PanTool, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';


const RENDER_SETTING = 'odontoid:render';

export type RenderMode = 'cpu' | 'gpu';

/** What the address bar asks for, else this browser's setting, else null: decide by what is there. */
function wantedRenderer(): RenderMode | null {
  const isMode = (value: string | null): value is RenderMode => value === 'cpu' || value === 'gpu';
  const asked = new URLSearchParams(window.location.search).get('render');
  if (isMode(asked)) return asked;
  const kept = window.localStorage.getItem(RENDER_SETTING);
  return isMode(kept) ? kept : null;
}

/** Keeps the choice for this browser; it counts from the next page load (Cornerstone decides once). */
export function keepRenderer(mode: RenderMode | null): void {
  if (mode) window.localStorage.setItem(RENDER_SETTING, mode);
  else window.localStorage.removeItem(RENDER_SETTING);
}

export function renderMode(): RenderMode {
  return getShouldUseCPURendering() ? 'cpu' : 'gpu';
}

/** Whether the browser has WebGL at all, even one drawn in software. */
export function hasWebGl(): boolean {
  return getRenderingCapabilities().webgl;
}

let started = false;

/** Starts Cornerstone once per page, however often a component mounts. */
export function start(): void {
  if (started) return;
  // One WebGL context a stack; left alone, Cornerstone makes seven for every case.
  const settings = getConfiguration();
  initCore({ ...settings, rendering: { ...settings.rendering, webGlContextCount: 2 } });
  const { webgl, softwareRasterizer } = getRenderingCapabilities();
  // A software WebGL is five times slower here than drawing on a 2-D canvas.
  const wanted = wantedRenderer() ?? (softwareRasterizer ? 'cpu' : 'gpu');
  setUseCPURendering(wanted === 'cpu' || !webgl, false);
  if (renderMode() === 'cpu') countCssPixels();
  initLoader({ maxWebWorkers: Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 2) / 2))) });
  initTools();
  for (const tool of [WindowLevelTool, PanTool, ZoomTool]) addTool(tool);
  started = true;
}

/**
 * Cornerstone's CPU renderer draws on a canvas of CSS pixels and yet converts mouse positions by the
 * device pixel ratio: on a HiDPI screen, or with the browser zoomed, every length would be wrong by that
 * factor. It asks the window each time, so in this mode the window answers 1.
 */
function countCssPixels(): void {
  Object.defineProperty(window, 'devicePixelRatio', { configurable: true, get: () => 1 });
}
