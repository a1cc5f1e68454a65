import { Enums } from '@cornerstonejs/core';

import { Cine } from './cine';
import { Desk } from './desk';
import { Links } from './links';
import { prefetchScan, registerScan, releaseScan } from './loading';
import { KINDS } from './measure';
import { DRIVEN, Screen } from './screen';
import { SeriesOrder } from './series-order';
import type { SessionOptions, SessionStanding, SessionState } from './session-state';
import type { Measurement, MeasurementKind, MeasuringAct, SaliencyOverlay, StackScan, ToolName, ViewerHandle } from './types';
import { StackView } from './view';

const { Events } = Enums;
/** What one step of the tools is by key: a part of the window's width, a factor of the zoom, CSS pixels of a pan. */
const STEP = { window: 0.05, zoom: 1.1, pan: 24 };

/** One or two stacks on screen: tools, links and measurements between Cornerstone and the components. */
export class ViewerSession implements ViewerHandle {
  state: SessionState;
  readonly locked: boolean;
  private readonly screen: Screen;
  private readonly views = new Map<string, StackView>();
  private readonly links: Links;
  readonly desk: Desk;
  private readonly listeners = new Set<() => void>();
  private readonly order = new SeriesOrder();
  private readonly cine: Cine;
  private closed = false;

  constructor(
    private scans: StackScan[],
    elements: Map<string, HTMLDivElement>,
    options: SessionOptions,
  ) {
    const { before } = options;
    this.locked = options.locked;
    this.screen = new Screen(scans.map(({ key }) => key), elements, options.onLost);
    for (const scan of scans) {
      const element = elements.get(scan.key) as HTMLDivElement;
      const view = new StackView(scan, element, this.screen.engine, this.screen.viewportId(scan.key), options.preset, () => this.publish(), before?.views[scan.key]);
      this.views.set(scan.key, view);
    }
    this.links = new Links(this.views);
    if (before) this.links.resume(before.links);
    for (const { element } of this.views.values()) {
      element.addEventListener(Events.CAMERA_MODIFIED, this.links.cameraMoved);
      element.addEventListener(Events.VOI_MODIFIED, this.links.windowed);
    }
    this.desk = new Desk(this.views, before?.book ?? options.measurements, () => this.publish(), options.onMeasured);
    this.cine = new Cine(
      () => this.views.get(this.state.active)?.state ?? null,
      (slice) => this.show(this.state.active, slice),
    );
    const wanted = before?.active ?? options.active ?? '';
    const active = this.views.has(wanted) ? wanted : (scans[0]?.key ?? '');
    const { tool, solo, preset } = before ?? { tool: 'window' as const, solo: null, preset: options.preset };
    this.state = { ...this.snapshot(), active, tool, solo, preset };
    this.screen.bind(tool);
    window.addEventListener('online', this.online);
  }

  /** Loads and shows everything; slices not on screen follow at low priority. */
  async open(): Promise<void> {
    this.scans.forEach(registerScan);
    await Promise.all([...this.views.values()].map((view) => view.open()));
    if (this.closed) return;
    for (const scan of this.scans) void prefetchScan(scan);
  }

  standing(): SessionStanding {
    const { active, tool, solo, preset } = this.state;
    const views = Object.fromEntries([...this.views].map(([key, view]) => [key, view.standing()]));
    return { active, tool, solo, preset, views, links: this.links.standing(), book: this.desk.book };
  }

  close(): void {
    this.closed = true;
    window.removeEventListener('online', this.online);
    this.cine.stop();
    for (const view of this.views.values()) {
      view.element.removeEventListener(Events.CAMERA_MODIFIED, this.links.cameraMoved);
      view.element.removeEventListener(Events.VOI_MODIFIED, this.links.windowed);
      view.close();
    }
    this.screen.close();
    this.scans.forEach(releaseScan);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getState = (): SessionState => this.state;

  // --- Slices

  scroll(by: number, scan = this.state.active): void {
    this.goTo((this.views.get(scan)?.state.slice ?? 0) + by, scan);
  }

  goTo(slice: number, scan = this.state.active, series?: number, select?: string): void {
    if (this.cine.plays) this.toggleCine(); // the reader scrolls by hand
    const view = this.views.get(scan);
    if (!view) return;
    if (series !== undefined && series !== (view.scan.series ?? 0)) {
      this.order.ask(scan, series, { slice, select });
      return;
    }
    this.show(scan, Math.min(view.state.slices - 1, Math.max(0, slice)));
    if (select) this.desk.select({ id: select, point: null });
  }

  private show(scan: string, slice: number): void {
    void this.views.get(scan)?.goTo(slice);
    this.links.scrolled(scan, slice);
  }

  /** Who is asked for another series of a scan, and brings it by `showSeries`. */
  setSeriesSource(source: ((scan: string, series: number) => void) | null): void {
    this.order.source = source;
  }

  askForSeries(scan: string, series: number): void {
    this.order.ask(scan, series);
  }

  nextSeries(): void {
    const { active } = this.state;
    const { series = 0, seriesCount = 1 } = this.views.get(active)?.scan ?? {};
    if (seriesCount > 1) this.askForSeries(active, (series + 1) % seriesCount);
  }

  /** Puts another series of a scan in the place of the one on screen. */
  showSeries(scan: StackScan): void {
    const view = this.views.get(scan.key);
    const before = view?.scan;
    if (!view || !before || (before.series ?? 0) === (scan.series ?? 0)) return;
    const { slice, select } = this.order.arrived(scan.key, scan.series);
    this.desk.book.cancel();
    this.scans = this.scans.map((one) => (one.key === scan.key ? scan : one));
    registerScan(scan);
    void view.swap(scan, slice).finally(() => {
      releaseScan(before);
      if (this.closed) return;
      this.publish();
      void prefetchScan(scan);
    });
    // Sent to a slice, it takes the linked scan along as ever; another series in place of one leaves it where it is.
    if (slice !== undefined) this.links.scrolled(scan.key, slice);
    if (select) this.desk.select({ id: select, point: null });
  }

  drawnSlice(scan: string): number | null {
    return this.desk.isDrawn(scan) ? (this.views.get(scan)?.state.slice ?? null) : null;
  }

  /** Back and forth through the active stack until it is stopped. */
  toggleCine(): void {
    if (this.cine.plays) this.cine.stop();
    else this.cine.play();
    this.publish();
  }

  // --- The screen

  setActive(scan: string): void {
    if (this.views.has(scan)) this.publish({ active: scan, solo: this.state.solo && scan });
  }

  setTool(tool: ToolName): void {
    if (this.locked && tool in KINDS) return;
    this.desk.book.cancel();
    this.publish({ tool });
    this.screen.bind(tool);
  }

  step(right: number, up: number, tool = this.state.tool): boolean {
    const { active } = this.state;
    if (tool === 'window') this.links.changeWindow(active, right * STEP.window, -up * STEP.window);
    else if (tool === 'zoom') this.links.zoom(active, STEP.zoom ** -(right + up));
    else if (tool === 'pan') this.links.pan(active, right * STEP.pan, -up * STEP.pan);
    return tool in DRIVEN;
  }

  preset(index: number): void {
    for (const view of this.views.values()) view.window.preset(index);
    this.publish({ preset: index });
  }

  invert(): void {
    for (const view of this.views.values()) view.invert();
  }

  reset(): void {
    this.links.quietly(() => this.views.forEach((view) => view.reset()));
  }

  zoom(scan: string, factor: number): void {
    this.links.zoom(scan, factor);
  }

  retry(scan: string): void {
    this.views.get(scan)?.retry();
  }

  /** The network is back: what could not be loaded meanwhile is loaded now, on screen or ahead. */
  private readonly online = (): void => {
    for (const view of this.views.values()) if (view.state.status === 'error') view.retry();
    for (const scan of this.scans) void prefetchScan(scan);
  };

  toggleSolo(): void {
    this.publish({ solo: this.state.solo ? null : this.state.active });
  }

  setOverlay(scan: string, overlay: SaliencyOverlay | null): void {
    this.views.get(scan)?.setOverlay(overlay);
  }

  resize(): void {
    if (this.closed || !this.screen.isResized()) return;
    this.links.quietly(() => {
      const cameras = [...this.views.values()].map(({ camera }) => camera);
      const moved = cameras.some((camera) => camera.moved);
      this.screen.engine.resize(true, moved);
      if (!moved) cameras.forEach((camera) => camera.fit());
    });
  }

  // --- Links

  /** Linking again declares the slices on screen to match. */
  toggleLink(): void {
    this.links.anchor();
    this.links.on = !this.links.on;
    this.publish();
  }

  shiftLink(by: number): void {
    if (this.views.size < 2) return;
    this.links.on = true;
    void this.links.shift(this.state.active, by).then(() => this.publish());
  }

  resetOffset(): void {
    this.links.resetOffset(this.state.active);
    this.publish();
  }

  toggleLinkedWindow(): void {
    this.links.window = !this.links.window;
    this.publish();
  }

  // --- Measurements

  /** The chosen tool, if it measures and something may be measured. */
  get measuring(): MeasurementKind | null {
    const { tool } = this.state;
    return !this.locked && tool in KINDS ? (tool as MeasurementKind) : null;
  }

  /** Moves what is selected by pixels of the image, to the right and up. */
  nudge(right: number, up: number): void {
    if (!this.locked) this.desk.nudge(2 * right, -2 * up);
  }

  /** Takes a point in hand for the keys. */
  aim(): boolean {
    const kind = this.measuring;
    return kind !== null && this.desk.aim(kind, this.state.active);
  }

  settle(): void {
    this.desk.book.settle();
  }

  undo(act?: MeasuringAct): boolean {
    return this.stepped(() => this.desk.book.undo(act));
  }

  redo(): boolean {
    return this.stepped(() => this.desk.book.redo());
  }

  /** Undoes, or does again, and goes to where that is to be seen. */
  private stepped(step: () => boolean): boolean {
    if (this.locked) return false;
    const { book } = this.desk;
    const { items: before, pending } = book;
    if (!step()) return false;
    const { items: after } = book;
    const changed = after === before ? pending?.place : (after.find((item) => !before.includes(item)) ?? before.find((item) => !after.includes(item)));
    if (changed && !this.desk.isAt(changed)) this.goTo(changed.slice, changed.scan, changed.series ?? 0);
    if (changed && this.state.solo && this.state.solo !== changed.scan) this.setActive(changed.scan);
    return true;
  }

  /** Takes over measurements that were changed elsewhere; slice, zoom, tool and undo stay. */
  adopt(measurements: Measurement[]): void {
    if (measurements !== this.desk.book.items) this.desk.book.adopt(measurements);
  }

  cancel(): boolean {
    if (this.desk.book.cancel()) return true;
    if (!this.measuring) return false;
    this.setTool('window');
    return true;
  }

  removeMeasurement(id: string): void {
    if (!this.locked) this.desk.book.remove(id);
  }

  removeSelectedMeasurement(): boolean {
    return !this.locked && this.desk.removeInHand();
  }

  showMeasurement(id: string): void {
    const measurement = this.desk.book.items.find((item) => item.id === id);
    if (!measurement) return;
    const { scan, slice, series = 0 } = measurement;
    this.setActive(scan);
    this.goTo(slice, scan, series, id);
  }

  private snapshot(): Omit<SessionState, 'active' | 'tool' | 'solo' | 'preset'> {
    const { links, desk: { book } } = this;
    return {
      views: Object.fromEntries([...this.views].map(([key, view]) => [key, view.state])),
      cine: this.cine.plays,
      linked: links.on,
      linkedWindow: links.window,
      offsetMm: links.offsetMm(),
      measurements: book.items,
      drawn: book.drawn,
      pending: book.pending,
      selected: book.selected,
      refused: book.refused,
      canUndo: book.canUndo,
      canRedo: book.canRedo,
    };
  }

  private publish(part: Partial<SessionState> = {}): void {
    if (this.closed) return;
    this.state = { ...this.state, ...part, ...this.snapshot() };
    this.desk.tidy(this.state.active);
    this.listeners.forEach((listener) => listener());
  }
}
