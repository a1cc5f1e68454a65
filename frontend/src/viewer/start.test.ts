import { beforeEach, expect, it, vi } from 'vitest';

let cpu: boolean;
const capabilities = { webgl: true, softwareRasterizer: false };
vi.mock('@cornerstonejs/core', () => ({
  getConfiguration: () => ({}),
  getRenderingCapabilities: () => capabilities,
  getShouldUseCPURendering: () => cpu,
  setUseCPURendering: (value: boolean) => (cpu = value),
  init: vi.fn(),
}));
vi.mock('@cornerstonejs/dicom-image-loader', () => ({ init: vi.fn() }));
vi.mock('@cornerstonejs/tools', () => ({ addTool: vi.fn(), init: vi.fn(), PanTool: {}, WindowLevelTool: {}, ZoomTool: {} }));

/** A page that has just been loaded. */
async function page() {
  vi.resetModules();
  const start = await import('./start');
  start.start();
  return start;
}

beforeEach(() => localStorage.clear());

it('draws with the processor after the graphics card was lost, and on the next page tries again', async () => {
  const first = await page();
  expect(first.renderMode()).toBe('gpu');
  first.giveUpGraphics();
  expect([first.renderMode(), first.keptRenderer(), window.devicePixelRatio]).toEqual(['cpu', null, 1]);
  expect((await page()).renderMode()).toBe('gpu');
});

it('remembers what the reader chose, until they choose otherwise', async () => {
  (await page()).keepRenderer('cpu');
  const second = await page();
  expect(second.renderMode()).toBe('cpu');
  second.keepRenderer(null);
  expect(second.renderMode()).toBe('gpu');
  expect((await page()).renderMode()).toBe('gpu');
});

it('takes the choice before a card that was lost: the reader may try it again at once', async () => {
  const start = await page();
  start.giveUpGraphics();
  start.keepRenderer('gpu');
  expect(start.renderMode()).toBe('gpu');
});
