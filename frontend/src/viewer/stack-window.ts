import type { Types } from '@cornerstonejs/core';

import { headerWindow } from './stack';
import type { DicomJson, Window } from './types';
import { PRESETS, robustWindow } from './windowing';

/** The window of one stack: presets, steps, and shares of it that mean the same on another scan. */
export class StackWindow {
  /** The window the series came with, and the one its pixels suggest. */
  private series: Window | null = null;
  private robust: Window | null = null;

  constructor(
    private readonly viewport: Types.IStackViewport,
    private presetIndex: number,
    private readonly shown: () => Window,
  ) {}

  /** Whether an image has said what a window could be. */
  get known(): boolean {
    return this.robust !== null;
  }

  /** Another series comes: what its window may be is not known. */
  forget(): void {
    this.robust = null;
  }

  /** Learns from headers and from one image's pixels, and opens with the preset. */
  choose(image: Types.IImage, metadata: DicomJson[]): void {
    const { slope = 1, intercept = 0 } = image;
    const robust = robustWindow(image.voxelManager?.getScalarData() ?? []);
    const stored = (value: number) => (image.preScale?.scaled ? value : value * slope + intercept);
    this.robust = { lower: stored(robust.lower), upper: stored(robust.upper) };
    this.series = headerWindow(metadata) ?? this.robust;
    this.again();
  }

  set(window: Window): void {
    this.viewport.setProperties({ voiRange: window });
    this.viewport.render();
  }

  preset(index: number): void {
    const preset = PRESETS[index];
    if (!preset || !this.series || !this.robust) return;
    this.presetIndex = index;
    this.set(preset.of(this.series, this.robust));
  }

  /** The preset again, whatever the window is now. */
  again(): void {
    this.preset(this.presetIndex);
  }

  /** The window as a share of what the pixels suggest, to be carried over to another scan. */
  share(): Window | null {
    const { robust } = this;
    if (!robust) return null;
    const { lower, upper } = this.shown();
    const share = (value: number) => (value - robust.lower) / (robust.upper - robust.lower);
    return { lower: share(lower), upper: share(upper) };
  }

  setShare(share: Window): void {
    const { robust } = this;
    if (!robust) return;
    const value = (part: number) => robust.lower + part * (robust.upper - robust.lower);
    this.set({ lower: value(share.lower), upper: value(share.upper) });
  }

  /** Widens and raises the window by parts of its width. */
  change(wider: number, higher: number): void {
    if (!this.robust) return;
    const { lower, upper } = this.shown();
    const width = upper - lower;
    const middle = (lower + upper) / 2 + higher * width;
    const half = Math.max(1, width * (1 + wider)) / 2;
    this.set({ lower: middle - half, upper: middle + half });
  }
}
