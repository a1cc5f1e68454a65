import type { Types } from '@cornerstonejs/core';

import { dot, linkedSlice, sameWay, subtract } from './geometry';
import type { Point3 } from './types';
import type { StackView } from './view';

/**
 * What moves together: slices by position, zoom and pan by mm and factor, the window if wanted.
 * Scans have no common frame of reference, so a pair of points is taken to be the same place: the middles of
 * the slices that match. They are the patient's, so they hold for every series of their scan.
 */
export class Links {
  on: boolean;
  window = false;
  private anchors: Record<string, Point3> = {};
  private following = false;

  constructor(private readonly views: ReadonlyMap<string, StackView>) {
    this.on = views.size > 1;
    this.matchMiddles();
  }

  /** The slices on screen are taken to match from now on. */
  anchor(): void {
    this.anchors = Object.fromEntries([...this.views].map(([key, view]) => [key, view.middleOf(view.state.slice)]));
  }

  standing(): { on: boolean; window: boolean; anchors: Record<string, Point3> } {
    const { on, window, anchors } = this;
    return { on, window, anchors };
  }

  resume(before: ReturnType<Links['standing']>): void {
    Object.assign(this, before);
  }

  private matchMiddles(): void {
    this.anchors = Object.fromEntries([...this.views].map(([key, view]) => [key, view.middleOf(view.scan.geometry.openingSlice)]));
  }

  /** The middles of the stacks match again. */
  resetOffset(from: string): void {
    this.matchMiddles();
    this.scrolled(from, this.views.get(from)?.state.slice ?? 0);
  }

  /** How far the other scan is shifted against this one since their middles matched, mm. */
  offsetMm(): number {
    const [first, second] = [...this.views].map(([key, { scan }]) => {
      const { normal, positions, openingSlice } = scan.geometry;
      return { normal, moved: dot(this.anchorOf(key), normal) - (positions[openingSlice] ?? 0) };
    });
    return first && second ? second.moved - sameWay(first.normal, second.normal) * first.moved : 0;
  }

  /** Brings the other stacks to where `scan` goes. */
  scrolled(scan: string, slice: number): void {
    const view = this.views.get(scan);
    if (!this.on || !view) return;
    for (const [key, other] of this.views) {
      if (key === scan || !other.parallelTo(view)) continue;
      const from = { ...view.scan.geometry, anchor: this.anchorOf(scan) };
      void other.goTo(linkedSlice(from, { ...other.scan.geometry, anchor: this.anchorOf(key) }, slice));
    }
  }

  /** Moves the other stacks by slices and takes what is then on screen to match. */
  async shift(active: string, by: number): Promise<void> {
    const moved = [...this.views].filter(([key]) => key !== active).map(([, view]) => view.goTo(view.state.slice + by));
    this.anchor();
    await Promise.all(moved);
  }

  /** Runs a change of cameras that must not be taken for the reader's and copied to the other stack. */
  quietly(action: () => void): void {
    const before = this.following;
    this.following = true;
    try {
      action();
    } finally {
      this.following = before;
    }
  }

  /**
   * Moves the other stacks as the reader moved this one: by the same mm in the image plane and the
   * same factor. Screen axes of each stack carry the move over, so flips and tilts do not matter.
   */
  readonly cameraMoved = (event: Event): void => {
    const { previousCamera, camera, element } = (event as CustomEvent<Types.EventTypes.CameraModifiedEventDetail>).detail;
    const source = this.at(element ?? null);
    if (!source?.dragged || this.following || !previousCamera) return;
    if (!previousCamera.focalPoint || !camera.focalPoint || !previousCamera.parallelScale || !camera.parallelScale) return;
    const axes = source.camera.axes();
    if (!axes) return;
    const moved = subtract(camera.focalPoint, previousCamera.focalPoint);
    const [right, down] = [dot(moved, axes.right), dot(moved, axes.down)];
    const factor = camera.parallelScale / previousCamera.parallelScale;
    if (Math.abs(right) + Math.abs(down) < 1e-6 && Math.abs(factor - 1) < 1e-9) return;
    source.camera.moved = true;
    if (!this.on) return;
    this.quietly(() => {
      for (const other of this.views.values()) if (other !== source) other.camera.move(right, down, factor);
    });
  };

  /** Gives the other stacks the same share of their own range: MR values have no unit. */
  readonly windowed = (event: Event): void => {
    const source = this.at(event.currentTarget);
    if (!this.window || this.following || !source?.dragged) return;
    const share = source.window.share();
    this.quietly(() => {
      for (const other of this.views.values()) if (other !== source && share) other.window.setShare(share);
    });
  };

  /** Zooms a stack, and those linked to it, about the middle of the screen. */
  zoom(scan: string, factor: number): void {
    this.quietly(() => {
      for (const [key, view] of this.views) if (key === scan || this.on) view.camera.move(0, 0, factor);
    });
  }

  /** Moves the image of a stack by CSS pixels, and those linked to it by the same mm. */
  pan(scan: string, right: number, down: number): void {
    const mm = this.views.get(scan)?.camera.axes()?.mmPerPixel ?? 0;
    this.quietly(() => {
      for (const [key, view] of this.views) if (key === scan || this.on) view.camera.move(-right * mm, -down * mm, 1);
    });
  }

  /** Widens and raises the window of a stack; joined ones get the same share of their own range. */
  changeWindow(scan: string, wider: number, higher: number): void {
    const source = this.views.get(scan);
    this.quietly(() => {
      source?.window.change(wider, higher);
      const share = this.window && source?.window.share();
      if (share) for (const other of this.views.values()) if (other !== source) other.window.setShare(share);
    });
  }

  private anchorOf(scan: string): Point3 {
    return this.anchors[scan] ?? [0, 0, 0];
  }

  private at(element: EventTarget | null): StackView | undefined {
    return [...this.views.values()].find((view) => view.element === element);
  }
}
