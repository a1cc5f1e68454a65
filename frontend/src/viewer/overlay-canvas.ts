import { coversSlice, OverlayPainter } from './overlay';
import type { Point3, SaliencyOverlay } from './types';

/** The canvas over an image on which a map is laid; it lets every event through. */
export class OverlayCanvas {
  overlay: SaliencyOverlay | null = null;
  private readonly canvas = document.createElement('canvas');
  private readonly painter = new OverlayPainter();
  private drawn = false;

  constructor(
    private readonly element: HTMLDivElement,
    testId: string,
  ) {
    Object.assign(this.canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none' });
    this.canvas.dataset.testid = testId;
    element.append(this.canvas);
  }

  remove(): void {
    this.canvas.remove();
  }

  /** Draws the map where it covers the slice through `origin`; returns whether it does not. */
  draw(ready: boolean, origin: Point3, project: (point: Point3) => [number, number]): boolean {
    if (!this.overlay && !this.drawn) return false; // as in every reading: no canvas to size, nothing to paint
    this.drawn = this.overlay !== null;
    const { clientWidth, clientHeight } = this.element;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const outside = this.overlay !== null && !coversSlice(this.overlay, origin);
    this.painter.draw(this.canvas, ready && !outside ? this.overlay : null, project, ratio);
    return outside;
  }
}
