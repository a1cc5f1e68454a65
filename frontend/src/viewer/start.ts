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

/** What the reader picked on this page: a mode, or null to decide by what is there. */
let picked: RenderMode | null | undefined;
/** The graphics card stopped drawing on this page. */
let lost = false;

const modeOf = (value: string | null): RenderMode | null => (value === 'cpu' || value === 'gpu' ? value : null);

/** The reader's choice, which this browser keeps; null: decide by what is there. */
export function keptRenderer(): RenderMode | null {
  if (picked !== undefined) return picked;
  try {
    return modeOf(window.localStorage.getItem(RENDER_SETTING));
  } catch {
    return null;
  }
}

/** What was picked on this page, else what the address bar asks for, else this browser's choice. */
function wantedRenderer(): RenderMode | null {
  return picked ?? modeOf(new URLSearchParams(window.location.search).get('render')) ?? keptRenderer();
}

/** Draws so from now on, and remembers it; what is open has to be opened anew. */
export function keepRenderer(mode: RenderMode | null): void {
  picked = mode;
  lost = false;
  try {
    if (mode) window.localStorage.setItem(RENDER_SETTING, mode);
    else window.localStorage.removeItem(RENDER_SETTING);
  } catch {
    // Without storage the choice holds for this page.
  }
  decide();
}

/** The processor draws for the rest of this page's time; the next one tries the graphics card again. */
export function giveUpGraphics(): void {
  lost = true;
  decide();
}

function decide(): void {
  const { webgl, softwareRasterizer } = getRenderingCapabilities();
  // A software WebGL is five times slower here than drawing on a 2-D canvas.
  const wanted = lost ? 'cpu' : (wantedRenderer() ?? (softwareRasterizer ? 'cpu' : 'gpu'));
  setUseCPURendering(wanted === 'cpu' || !webgl, false);
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
  decide();
  countCssPixels();
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
  const real = Object.getOwnPropertyDescriptor(window, 'devicePixelRatio');
  const ratio = () => (real?.get ? Number(real.get.call(window)) : Number(real?.value ?? 1));
  Object.defineProperty(window, 'devicePixelRatio', { configurable: true, get: () => (renderMode() === 'cpu' ? 1 : ratio()) });
}
