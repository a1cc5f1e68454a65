// The floor: two Cornerstone stacks, arrow keys, nothing else. Not part of the product.
import {
  cache,
  Enums,
  getRenderingCapabilities,
  imageLoader,
  init as initCore,
  RenderingEngine,
  setUseCPURendering,
} from '@cornerstonejs/core';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';

const { webgl } = getRenderingCapabilities();
initCore();
setUseCPURendering(!webgl || new URLSearchParams(location.search).get('render') === 'cpu', false);
initLoader({ maxWebWorkers: Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 2) / 2))) });

let shown = null;
const ahead = new Map();

/** Headers of a case's series, registered; series as {key, url, sops}. */
async function headers(series) {
  return Promise.all(
    series.map(async ({ key, url, sops }) => {
      const answer = await fetch(`${url}/metadata`, { headers: { Accept: 'application/dicom+json' } });
      const byUid = new Map((await answer.json()).map((one) => [one['00080018'].Value[0], one]));
      const imageIds = sops.map((sop) => `wadors:${url}/instances/${sop}/frames/1`);
      imageIds.forEach((id, index) => wadors.metaDataManager.add(id, byUid.get(sops[index])));
      return { key, imageIds };
    }),
  );
}

function load(stacks) {
  return Promise.all(stacks.flatMap(({ imageIds }) => imageIds.map((id) => imageLoader.loadAndCacheImage(id))));
}

function release({ engine, stacks, elements }) {
  engine.destroy();
  elements.forEach((element) => element.remove());
  for (const id of stacks.flatMap(({ imageIds }) => imageIds)) {
    if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id, { force: true });
    wadors.metaDataManager.remove(id);
  }
}

async function open(code, series) {
  if (shown) release(shown);
  const stacks = ahead.get(code) ?? (await headers(series));
  ahead.delete(code);
  const elements = stacks.map(({ key }) => {
    const element = document.createElement('div');
    Object.assign(element.dataset, { testid: `viewport-${key}`, state: 'loading', slice: '-1' });
    document.body.append(element);
    return element;
  });
  const engine = new RenderingEngine('bare');
  engine.setViewports(
    stacks.map(({ key }, index) => ({ viewportId: key, type: Enums.ViewportType.STACK, element: elements[index] })),
  );
  shown = { engine, stacks, elements };
  await Promise.all(
    stacks.map(({ key, imageIds }, index) => {
      const viewport = engine.getViewport(key);
      elements[index].addEventListener(Enums.Events.IMAGE_RENDERED, () => {
        if (!viewport.getCornerstoneImage()) return;
        elements[index].dataset.slice = String(viewport.getCurrentImageIdIndex());
        elements[index].dataset.state = 'ready';
      });
      return viewport.setStack(imageIds, Math.floor((imageIds.length - 1) / 2)).then(() => viewport.render());
    }),
  );
}

addEventListener('keydown', ({ key }) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key] ?? 0;
  if (!step || !shown) return;
  shown.stacks.forEach(({ key: id, imageIds }, index) => {
    const viewport = shown.engine.getViewport(id);
    const target = viewport.getCurrentImageIdIndex() + step;
    if (target < 0 || target >= imageIds.length) return;
    shown.elements[index].dataset.state = 'loading';
    void viewport.setImageIdIndex(target);
  });
});

let next = null;
addEventListener('click', () => {
  if (next) void open(next.code, next.series);
});

window.bare = {
  /** What the next click opens; with `fetched`, its headers and pixels are fetched before. */
  async offer(code, series, fetched) {
    next = { code, series };
    if (!fetched) return;
    const stacks = await headers(series);
    await load(stacks);
    ahead.set(code, stacks);
  },
  /** Everything of the shown case. */
  loadShown: () => load(shown.stacks),
};
