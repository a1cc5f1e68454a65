import { beforeEach, expect, it, vi } from 'vitest';

import type { StackScan, Window } from './types';
import { StackView } from './view';

const loading = vi.hoisted(() => new EventTarget());
const names = vi.hoisted(() => ['IMAGE_RENDERED', 'STACK_NEW_IMAGE', 'CAMERA_MODIFIED', 'VOI_MODIFIED', 'IMAGE_LOAD_FAILED', 'IMAGE_LOAD_ERROR']);
vi.mock('@cornerstonejs/core', () => ({ eventTarget: loading, Enums: { Events: Object.fromEntries(names.map((name) => [name, name])) } }));
vi.mock('./start', () => ({ renderMode: () => 'cpu' }));
vi.mock('./camera', () => ({
  Camera: class {
    private at: unknown = null;
    fit = () => (this.at = null);
    look = () => this.at;
    lookAt = (look: unknown) => (this.at = look);
    axes = () => ({ right: [0, 1, 0], down: [0, 0, -1], mmPerPixel: 0.5 });
    project = () => [0, 0];
  },
}));

/** What StackView asks of a viewport, as Cornerstone's does it on the processor. */
class Viewport {
  lost = new Set<number>();
  index = -1;
  image: { imageId: string } | undefined;
  properties: { voiRange?: Window; invert?: boolean } = {};
  render = () => undefined;
  getCornerstoneImage = () => this.image;

  setStack(_: string[], index: number): Promise<void> {
    this.properties = {};
    return this.load(index);
  }

  /** Asked for the slice it is at, it does nothing, whether that came or not. */
  setImageIdIndex = (index: number) => (index === this.index ? Promise.resolve() : this.load(index));

  setProperties(properties: { voiRange?: Window; invert?: boolean }): void {
    Object.assign(this.properties, properties);
    if (properties.voiRange) element.dispatchEvent(new CustomEvent('VOI_MODIFIED', { detail: { range: properties.voiRange } }));
  }

  private async load(index: number): Promise<void> {
    this.index = index;
    const imageId = scan.imageIds[index] ?? '';
    await Promise.resolve();
    if (this.lost.has(index)) {
      const detail = { imageId, error: { status: 0 } };
      for (const name of ['IMAGE_LOAD_FAILED', 'IMAGE_LOAD_ERROR']) loading.dispatchEvent(new CustomEvent(name, { detail }));
      throw new Error('not loaded');
    }
    this.come(index);
  }

  come(index: number): void {
    this.image = { imageId: scan.imageIds[index] ?? '' };
    element.dispatchEvent(new CustomEvent('STACK_NEW_IMAGE', { detail: this.image }));
    element.dispatchEvent(new CustomEvent('IMAGE_RENDERED'));
  }
}

const scan = {
  key: 'baseline',
  imageIds: ['a', 'b', 'c'],
  metadata: [-3, 0, 3].map((x) => ({ '00200032': { Value: [x, 0, 0] } })),
  geometry: { normal: [1, 0, 0], positions: [-3, 0, 3], openingSlice: 1 },
} as unknown as StackScan;
let element: HTMLDivElement;
let viewport: Viewport;
let view: StackView;
const failedAhead = (imageId: string) => loading.dispatchEvent(new CustomEvent('IMAGE_LOAD_FAILED', { detail: { imageId, error: { status: 0 } } }));

beforeEach(async () => {
  element = document.createElement('div');
  viewport = new Viewport();
  view = new StackView(scan, element, { getViewport: () => viewport } as never, 'v', 0, () => undefined);
  await view.open();
  return () => view.close();
});

it('shows a slice that could not be loaded ahead and then could', async () => {
  failedAhead('c');
  await view.goTo(2);
  expect(view.state).toMatchObject({ status: 'ready', slice: 2, error: null });
  failedAhead('c'); // no news of what is on the screen
  expect(view.state.status).toBe('ready');
});

it('loads a slice anew on coming back to it', async () => {
  viewport.lost.add(2);
  await view.goTo(2);
  expect(view.state).toMatchObject({ status: 'error', error: 'The server could not be reached.' });
  await view.goTo(2);
  expect(view.state.status).toBe('error'); // the viewport loads nothing then: no waiting for what does not come
  await view.goTo(1);
  expect(view.state.status).toBe('ready');
  viewport.lost.clear();
  await view.goTo(2);
  expect(view.state).toMatchObject({ status: 'ready', error: null });
});

it('takes a slice that came after all', async () => {
  viewport.lost.add(2);
  await view.goTo(2);
  viewport.come(2);
  expect(view.state).toMatchObject({ status: 'ready', error: null });
});

it('tries again with the window, the zoom and the inversion of the reader', async () => {
  const [window, look] = [{ lower: 20, upper: 120 }, { centre: [0, 5, 5] as [number, number, number], mmPerPixel: 0.2 }];
  view.window.set(window);
  view.camera.lookAt(look);
  view.invert();
  viewport.lost.add(2);
  await view.goTo(2);
  for (const lost of [true, false]) {
    if (!lost) viewport.lost.clear();
    view.retry();
    await vi.waitFor(() => expect(view.state.status).toBe(lost ? 'error' : 'ready'));
  }
  await vi.waitFor(() => expect(view.window.known).toBe(true));
  expect([view.state.window, view.state.inverted, view.camera.look()]).toEqual([window, true, look]);
  expect(viewport.properties).toEqual({ voiRange: window, invert: true });
});
