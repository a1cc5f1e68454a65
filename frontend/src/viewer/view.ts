import { Enums, eventTarget, type RenderingEngine, type Types } from '@cornerstonejs/core';

import { Camera, type Look } from './camera';
import { sliceOrigin } from './coordinates';
import { add, directionLetters, dot, middle, nearestIndex, planeOf, scale } from './geometry';
import { OverlayCanvas } from './overlay-canvas';
import { StackWindow } from './stack-window';
import { renderMode } from './start';
import type { Point3, SaliencyOverlay, StackScan, ViewState, Window } from './types';

const { Events } = Enums;

interface LoadFailure {
  imageId?: string;
  error?: unknown;
}

/** Cosine of the angle between normals up to which stacks count as cut the same way. */
const PARALLEL = 0.7;

/** Why a slice is not shown, for the person who wanted to read it. */
function loadMessage(error: unknown): string {
  const status = (error as { status?: unknown } | undefined)?.status;
  if (status === 0) return 'The server could not be reached.';
  if (status === 403) return 'You are signed out: sign in again in another tab, then try again.';
  if (status === 404) return 'The server has no such image, or it is not yours to see.';
  if (typeof status === 'number') return `The server answered ${status}.`;
  return 'The image arrived but could not be decoded.';
}

/** How a stack stands on screen. */
export interface Standing {
  slice: number;
  /** Null before the first image: there was none to choose it by. */
  window: Window | null;
  inverted: boolean;
  look: Look | null;
}

/** One stack on one element: slices, window, camera, and what is laid over it. */
export class StackView {
  private readonly viewport: Types.IStackViewport;
  state: ViewState;
  /**
   * The reader is dragging on this image, and no slice is being put up meanwhile: only then is a moved
   * camera the reader's doing. WebGL viewports move it themselves whenever the slice changes.
   */
  get dragged(): boolean {
    return this.pressed && !this.changing;
  }
  private pressed = false;
  /** The image whose pixels are on the canvas. */
  private painted = '';
  private changing = false;
  private target: number;
  /** Why the slice that is wanted could not be loaded; another one is loaded anew when the reader comes to it. */
  private failure: string | null = null;
  readonly camera: Camera;
  readonly window: StackWindow;
  private readonly map: OverlayCanvas;
  private closed = false;

  constructor(
    public scan: StackScan,
    readonly element: HTMLDivElement,
    engine: RenderingEngine,
    viewportId: string,
    preset: number,
    private readonly changed: () => void,
    private before?: Standing,
  ) {
    this.viewport = engine.getViewport<Types.IStackViewport>(viewportId);
    this.camera = new Camera(this.viewport, element, () => this.scan.geometry, () => this.origin());
    this.window = new StackWindow(this.viewport, preset, () => this.state.window);
    // Cornerstone makes the element focusable and then swallows every key pressed on it, Tab included.
    element.removeAttribute('tabindex');
    this.target = before?.slice ?? scan.geometry.openingSlice;
    this.state = {
      status: 'loading',
      error: null,
      slice: this.target,
      slices: scan.imageIds.length,
      offsetMm: 0,
      side: '',
      letters: { left: '', right: '', top: '', bottom: '' },
      mmPerPixel: 0,
      window: { lower: 0, upper: 1 },
      inverted: false,
      outsideOverlay: false,
      camera: '',
    };
    this.map = new OverlayCanvas(element, `overlay-${scan.key}`);
    element.addEventListener('pointerdown', this.press, true);
    window.addEventListener('pointerup', this.release, true);
    window.addEventListener('pointercancel', this.release, true);
    element.addEventListener(Events.STACK_NEW_IMAGE, this.arrived);
    element.addEventListener(Events.IMAGE_RENDERED, this.rendered);
    element.addEventListener(Events.CAMERA_MODIFIED, this.refresh);
    element.addEventListener(Events.VOI_MODIFIED, this.windowChanged);
    // The viewport's own loading: IMAGE_LOAD_FAILED tells of slices loaded ahead, too, which cover nothing.
    eventTarget.addEventListener(Events.IMAGE_LOAD_ERROR, this.failed);
  }

  close(): void {
    this.closed = true;
    this.element.removeEventListener('pointerdown', this.press, true);
    window.removeEventListener('pointerup', this.release, true);
    window.removeEventListener('pointercancel', this.release, true);
    this.element.removeEventListener(Events.STACK_NEW_IMAGE, this.arrived);
    this.element.removeEventListener(Events.IMAGE_RENDERED, this.rendered);
    this.element.removeEventListener(Events.CAMERA_MODIFIED, this.refresh);
    this.element.removeEventListener(Events.VOI_MODIFIED, this.windowChanged);
    eventTarget.removeEventListener(Events.IMAGE_LOAD_ERROR, this.failed);
    this.map.remove();
  }

  /** Shows the opening slice, hung and windowed. Resolves also when that slice cannot be loaded. */
  async open(): Promise<void> {
    const { scan } = this;
    try {
      await this.viewport.setStack(scan.imageIds, this.target);
    } catch (error) {
      this.fail(scan.imageIds[this.target], error);
      return;
    }
    if (this.scan === scan) this.prepare();
  }

  /** Puts another series in this one's place: on the given slice, else on the one nearest to the middle of the screen. */
  async swap(scan: StackScan, slice?: number): Promise<void> {
    const here = this.camera.middle() ?? this.origin();
    const { normal, positions, openingSlice } = scan.geometry;
    const parallel = Math.abs(dot(normal, this.scan.geometry.normal)) > PARALLEL;
    this.scan = scan;
    this.target = slice ?? (parallel ? nearestIndex(positions, dot(here, normal)) : openingSlice);
    this.window.forget();
    this.failure = null;
    const { target } = this;
    this.update({ status: 'loading', error: null, inverted: false, slice: target, slices: positions.length, ...this.place(target) });
    await this.open();
  }

  /** Chooses the window and hangs the stack by the first slice that arrives; the opening one may fail. */
  private prepare(): void {
    const image = this.viewport.getCornerstoneImage();
    if (this.closed || this.window.known || !image) return;
    this.window.choose(image, this.scan.metadata);
    this.camera.fit();
    if (this.before) this.resume(this.before);
    this.before = undefined;
  }

  standing(): Standing {
    const { slice, window, inverted } = this.state;
    return { slice, window: this.window.known ? window : null, inverted, look: this.camera.look() };
  }

  private resume({ window, inverted, look }: Standing): void {
    if (window) this.window.set(window);
    if (inverted) this.invert();
    if (look) this.camera.lookAt(look);
  }

  async goTo(slice: number): Promise<void> {
    const target = Math.min(this.scan.imageIds.length - 1, Math.max(0, slice));
    // Asked for once more, the viewport does nothing: a slice that failed is loaded again by retry().
    if (target === this.target && this.state.status !== 'loading') return;
    this.target = target;
    this.failure = null;
    const imageId = this.wanted;
    this.update({ slice: target, ...this.place(target), ...this.standsWith() });
    const { window: shown } = this.state;
    this.changing = true;
    try {
      await this.viewport.setImageIdIndex(target);
    } catch (error) {
      this.fail(imageId, error);
      return;
    } finally {
      if (this.target === target) this.changing = false;
    }
    if (this.closed || this.target !== target) return;
    // The CPU renderer forgets the window it shows when the slice changes, and a drag would start
    // from the header's again.
    if (this.window.known && renderMode() === 'cpu') this.window.set(shown);
    this.prepare();
  }

  /** Loads again what could not be loaded, for the stack as it stood. */
  retry(): void {
    this.before ??= this.standing();
    this.failure = null;
    this.window.forget();
    this.update({ status: 'loading', error: null, inverted: false }); // until the first image, as in a new stack
    void this.open();
  }

  invert(): void {
    const inverted = !this.state.inverted;
    this.viewport.setProperties({ invert: inverted });
    this.viewport.render();
    this.update({ inverted });
  }

  reset(): void {
    this.window.again();
    if (this.state.inverted) this.invert();
    this.camera.fit();
  }

  setOverlay(overlay: SaliencyOverlay | null): void {
    this.map.overlay = overlay;
    this.draw();
  }

  private place(slice: number): Pick<ViewState, 'offsetMm' | 'side'> {
    const { positions, normal } = this.scan.geometry;
    const offset = (positions[slice] ?? 0) - middle(positions);
    const side = Math.abs(offset) < 0.05 ? '' : directionLetters(scale(normal, offset)).charAt(0);
    return { offsetMm: Math.abs(offset), side: planeOf(normal) === 'sagittal' ? side : '' };
  }

  /** Id of the image of the slice that is wanted. */
  private get wanted(): string {
    return this.scan.imageIds[this.target] ?? '';
  }

  /** How it stands with the slice that is wanted. */
  private standsWith(): Pick<ViewState, 'status' | 'error'> {
    if (this.failure) return { status: 'error', error: this.failure };
    return { status: this.painted === this.wanted ? 'ready' : 'loading', error: null };
  }

  private readonly press = () => {
    this.pressed = true;
  };

  private readonly release = () => {
    this.pressed = false;
  };

  private readonly arrived = (event: Event) => {
    // Asked for twice, it may fail and come all the same.
    if ((event as CustomEvent<{ imageId: string }>).detail.imageId === this.wanted) this.failure = null;
  };

  private readonly rendered = () => {
    // Fires for a slice that failed as well, over the slice before it or over black: what counts is
    // whose pixels the viewport holds.
    this.painted = this.viewport.getCornerstoneImage()?.imageId ?? '';
    this.refresh();
  };

  private readonly refresh = () => {
    if (this.closed) return;
    const axes = this.camera.axes();
    if (!axes) return;
    const { right, down, mmPerPixel } = axes;
    const slice = this.target;
    this.update({
      ...this.standsWith(),
      slice,
      ...this.place(slice),
      mmPerPixel,
      camera: [...this.camera.project(this.origin()), mmPerPixel].map((value) => value.toFixed(3)).join(' '),
      letters: {
        right: directionLetters(right),
        left: directionLetters(scale(right, -1)),
        bottom: directionLetters(down),
        top: directionLetters(scale(down, -1)),
      },
    });
    this.draw();
  };

  private readonly windowChanged = (event: Event) => {
    const { range } = (event as CustomEvent<{ range: Window }>).detail;
    this.update({ window: { lower: range.lower, upper: range.upper } });
  };

  private readonly failed = (event: Event) => {
    const { imageId, error } = (event as CustomEvent<LoadFailure>).detail;
    this.fail(imageId, error);
  };

  private fail(imageId: string | undefined, error: unknown): void {
    if (this.closed || imageId !== this.wanted) return;
    this.failure ??= loadMessage(error);
    this.update(this.standsWith());
  }

  private draw(): void {
    const outside = this.map.draw(this.state.status === 'ready', this.origin(), (point) => this.camera.project(point));
    if (outside !== this.state.outsideOverlay) this.update({ outsideOverlay: outside });
  }

  private origin(): Point3 {
    return sliceOrigin(this.scan.metadata[this.target]);
  }

  private update(part: Partial<ViewState>): void {
    if (this.closed) return;
    const next = { ...this.state, ...part };
    if (JSON.stringify(next) === JSON.stringify(this.state)) return;
    this.state = next;
    this.changed();
  }

  /** The patient point in the middle of a slice. */
  middleOf(slice: number): Point3 {
    const { row, column, rowSpacing, columnSpacing, rows, columns } = this.scan.geometry;
    const across = scale(row, ((columns - 1) / 2) * columnSpacing);
    return add(sliceOrigin(this.scan.metadata[slice]), add(across, scale(column, ((rows - 1) / 2) * rowSpacing)));
  }

  /** Whether two stacks are cut the same way, so that scrolling them together means something. */
  parallelTo(other: StackView): boolean {
    return Math.abs(dot(this.scan.geometry.normal, other.scan.geometry.normal)) > PARALLEL;
  }
}
