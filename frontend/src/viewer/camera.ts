import type { Types } from '@cornerstonejs/core';

import { fromPatient, ontoSlice, toPatient } from './coordinates';
import { add, distance, dot, hanging, normalize, scale, screenAxes, subtract } from './geometry';
import { renderMode } from './start';
import type { Point3, StackGeometry } from './types';

/** Screen axes in patient space (unit vectors to the right and down) and mm per CSS pixel. */
export interface ScreenAxes {
  right: Point3;
  down: Point3;
  mmPerPixel: number;
}

/** What stands in the middle of the screen, and how large it is drawn. */
export interface Look {
  centre: Point3;
  mmPerPixel: number;
}

/** Where one viewport looks: hanging, zoom and pan, and places of the screen in patient space. */
export class Camera {
  /** The reader has zoomed or panned; without that, a resize fits the image again. */
  moved = false;

  constructor(
    private readonly viewport: Types.IStackViewport,
    private readonly element: HTMLDivElement,
    private readonly geometry: () => StackGeometry,
    /** A point of the shown slice. */
    private readonly origin: () => Point3,
  ) {}

  /** Hangs the image and fits it into the viewport. */
  fit(): void {
    this.viewport.resetCamera();
    const { row, column } = this.geometry();
    const { flipHorizontal, flipVertical, transposed } = hanging(row, column);
    if (transposed) this.hangTransposed();
    else if (flipHorizontal || flipVertical) this.viewport.setCamera({ flipHorizontal, flipVertical });
    this.moved = false;
    this.viewport.render();
  }

  /**
   * Turns an image whose rows run along the body. The two renderers flip before and after turning, so
   * the flips are found by looking where the screen's axes then point.
   */
  private hangTransposed(): void {
    this.viewport.setViewPresentation({ rotation: 90 });
    const { right, down } = screenAxes(this.geometry().normal);
    for (const [flipHorizontal, flipVertical] of [[false, false], [true, false], [false, true], [true, true]]) {
      this.viewport.setCamera({ flipHorizontal, flipVertical });
      const axes = this.axes();
      if (axes && dot(axes.right, right) > 0 && dot(axes.down, down) > 0) return;
    }
  }

  axes(): ScreenAxes | null {
    if (!this.viewport.getCornerstoneImage()) return null;
    const { clientWidth, clientHeight } = this.element;
    const at = (x: number, y: number) =>
      this.viewport.canvasToWorld([clientWidth / 2 + x, clientHeight / 2 + y]);
    const centre = at(0, 0);
    const toRight = subtract(at(100, 0), centre);
    return {
      right: normalize(toRight),
      down: normalize(subtract(at(0, 100), centre)),
      mmPerPixel: distance([0, 0, 0], toRight) / 100,
    };
  }

  /** Moves the view by mm to the right and down, and takes it back by a factor. */
  move(right: number, down: number, factor: number): void {
    const axes = this.axes();
    const camera = this.viewport.getCamera();
    if (!axes || !camera.focalPoint || !camera.parallelScale) return;
    const shift = add(scale(axes.right, right), scale(axes.down, down));
    const focalPoint = add(camera.focalPoint, shift);
    if (renderMode() === 'cpu') {
      // Setting parallelScale is wrong there where rows and columns are spaced differently; scale is not.
      this.viewport.setCamera({ focalPoint });
      this.viewport.setCamera({ scale: (camera.scale ?? 1) / factor });
    } else {
      const position = add(camera.position as Point3, shift);
      this.viewport.setCamera({ focalPoint, position, parallelScale: camera.parallelScale * factor });
    }
    this.moved = true;
    this.viewport.render();
  }

  /** Where it looks, whichever renderer draws; null where the image is fitted. */
  look(): Look | null {
    const [centre, axes] = [this.middle(), this.axes()];
    return this.moved && centre && axes ? { centre, mmPerPixel: axes.mmPerPixel } : null;
  }

  lookAt({ centre, mmPerPixel }: Look): void {
    this.move(0, 0, mmPerPixel / (this.axes()?.mmPerPixel ?? mmPerPixel));
    const [here, axes] = [this.middle(), this.axes()];
    if (!here || !axes) return;
    const way = subtract(centre, here);
    this.move(dot(way, axes.right), dot(way, axes.down), 1);
  }

  /** A patient point in CSS pixels of this element. */
  project(point: Point3): [number, number] {
    const [x, y] = this.viewport.worldToCanvas(fromPatient(point, this.geometry()));
    return [x, y];
  }

  /** The point of the shown slice under a place of the screen; null while there is no image. */
  pointAt(clientX: number, clientY: number): Point3 | null {
    if (!this.viewport.getCornerstoneImage()) return null;
    const { left, top } = this.element.getBoundingClientRect();
    const { normal } = this.geometry();
    return ontoSlice(toPatient(this.viewport.canvasToWorld([clientX - left, clientY - top]), this.geometry()), this.origin(), normal);
  }

  middle(): Point3 | null {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    return this.pointAt(left + width / 2, top + height / 2);
  }
}
