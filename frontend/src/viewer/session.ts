import { Enums, eventTarget, imageLoader, imageLoadPoolManager, RenderingEngine, type Types } from '@cornerstonejs/core';
import {
  annotation,
  Enums as ToolEnums,
  LengthTool,
  PanTool,
  ToolGroupManager,
  type Types as ToolTypes,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';

import { add, distance, dot, linkedSlice, scale, subtract } from './geometry';
import { toAnnotation, toMeasurement } from './measurements';
import { registerScan, releaseScan, renderMode, start } from './start';
import type { Measurement, Point3, SaliencyOverlay, StackScan, ToolName, ViewerHandle, ViewState } from './types';
import { StackView } from './view';

const { Events } = Enums;
const { MouseBindings } = ToolEnums;
const TOOL: Record<ToolName, string> = {
  window: WindowLevelTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  pan: PanTool.toolName as string,
  length: LengthTool.toolName,
};

/** What the components draw; replaced, never changed, so that React sees it. */
export interface SessionState {
  views: Record<string, ViewState>;
  active: string;
  tool: ToolName;
  linked: boolean;
  solo: string | null;
  measurements: Measurement[];
}

let count = 0;

/** One or two stacks on screen: tools, links and measurements between Cornerstone and the components. */
export class ViewerSession implements ViewerHandle {
  state: SessionState;
  private readonly engine: RenderingEngine;
  private readonly group: ToolTypes.IToolGroup;
  private readonly id = `viewer-${(count += 1)}`;
  private readonly views = new Map<string, StackView>();
  private readonly listeners = new Set<() => void>();
  /** The pair of slices that counts as the same place; scans have no common frame of reference. */
  private anchors: Record<string, number> = {};
  private following = false;
  /** Kept measurements that cannot be drawn here; they stay in the list all the same. */
  private unshown: Measurement[] = [];
  private opened = false;
  private closed = false;

  constructor(
    private readonly scans: StackScan[],
    elements: Map<string, HTMLDivElement>,
    private readonly kept: Measurement[],
    private readonly locked: boolean,
  ) {
    start();
    this.engine = new RenderingEngine(this.id);
    this.engine.setViewports(
      scans.map(({ key }) => ({
        viewportId: this.viewportId(key),
        element: elements.get(key) as HTMLDivElement,
        type: Enums.ViewportType.STACK,
        defaultOptions: { background: [0, 0, 0] as Types.Point3 },
      })),
    );
    const group = ToolGroupManager.createToolGroup(this.id);
    if (!group) throw new Error('The viewer is already open.');
    this.group = group;
    for (const name of Object.values(TOOL)) group.addTool(name, name === TOOL.length ? { getTextLines } : {});
    for (const scan of scans) {
      const element = elements.get(scan.key) as HTMLDivElement;
      group.addViewport(this.viewportId(scan.key), this.id);
      this.views.set(scan.key, new StackView(scan, element, this.engine, this.viewportId(scan.key), () => this.publish()));
      element.addEventListener(Events.CAMERA_MODIFIED, this.cameraMoved);
    }
    this.state = {
      views: this.viewStates(),
      active: scans[0]?.key ?? '',
      tool: 'window',
      linked: scans.length > 1,
      solo: null,
      measurements: kept,
    };
    this.bindTools();
    for (const type of MEASUREMENT_EVENTS) eventTarget.addEventListener(type, this.measured);
  }

  /** Loads and shows everything; slices not on screen follow at low priority. */
  async open(): Promise<void> {
    this.scans.forEach(registerScan);
    await Promise.all([...this.views.values()].map((view) => view.open()));
    if (this.closed) return;
    this.anchors = this.slices();
    this.unshown = this.kept.filter((measurement) => !this.showKept(measurement));
    this.opened = true;
    this.engine.render();
    this.prefetch();
  }

  close(): void {
    this.closed = true;
    for (const type of MEASUREMENT_EVENTS) eventTarget.removeEventListener(type, this.measured);
    for (const view of this.views.values()) {
      view.element.removeEventListener(Events.CAMERA_MODIFIED, this.cameraMoved);
      view.close();
    }
    for (const own of this.annotations()) annotation.state.removeAnnotation(own.annotationUID ?? '');
    ToolGroupManager.destroyToolGroup(this.id);
    this.engine.destroy();
    this.scans.forEach(releaseScan);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getState = (): SessionState => this.state;

  scroll(by: number, scan = this.state.active): void {
    this.goTo((this.views.get(scan)?.state.slice ?? 0) + by, scan);
  }

  goTo(slice: number, scan = this.state.active): void {
    const view = this.views.get(scan);
    if (!view) return;
    const target = Math.min(view.state.slices - 1, Math.max(0, slice));
    void view.goTo(target);
    if (!this.state.linked) return;
    for (const [key, other] of this.views) {
      if (key === scan || !other.parallelTo(view)) continue;
      const from = { ...view.anchorable, anchor: this.anchors[scan] ?? 0 };
      void other.goTo(linkedSlice(from, { ...other.anchorable, anchor: this.anchors[key] ?? 0 }, target));
    }
  }

  slice(scan: string): number {
    return this.views.get(scan)?.state.slice ?? 0;
  }

  setActive(scan: string): void {
    if (this.views.has(scan)) this.publish({ active: scan, solo: this.state.solo && scan });
  }

  active(): string {
    return this.state.active;
  }

  setTool(tool: ToolName): void {
    this.publish({ tool });
    this.bindTools();
  }

  preset(index: number): void {
    for (const view of this.views.values()) view.preset(index);
  }

  invert(): void {
    for (const view of this.views.values()) view.invert();
  }

  reset(): void {
    this.quietly(() => this.views.forEach((view) => view.reset()));
  }

  retry(scan: string): void {
    this.views.get(scan)?.retry();
  }

  /** Linking again declares the slices on screen to match: that is how an offset is set. */
  toggleLink(): void {
    this.anchors = this.slices();
    this.publish({ linked: !this.state.linked });
  }

  toggleSolo(): void {
    this.publish({ solo: this.state.solo ? null : this.state.active });
  }

  setOverlay(scan: string, overlay: SaliencyOverlay | null): void {
    this.views.get(scan)?.setOverlay(overlay);
  }

  removeMeasurement(id: string): void {
    if (!annotation.state.getAnnotation(id)) return;
    annotation.state.removeAnnotation(id);
    this.engine.render();
  }

  removeSelectedMeasurement(): boolean {
    const ids = new Set(this.state.measurements.map((measurement) => measurement.id));
    const selected = annotation.selection.getAnnotationsSelected().filter((uid) => ids.has(uid));
    selected.forEach((uid) => this.removeMeasurement(uid));
    return selected.length > 0;
  }

  showMeasurement(id: string): void {
    const measurement = this.state.measurements.find((item) => item.id === id);
    if (measurement) this.goTo(measurement.slice, measurement.scan);
  }

  resize(): void {
    if (this.closed) return;
    this.quietly(() => {
      const moved = [...this.views.values()].some((view) => view.moved);
      this.engine.resize(true, moved);
      if (!moved) this.views.forEach((view) => view.fit());
    });
  }

  private viewportId(key: string): string {
    return `${this.id}-${key}`;
  }

  private viewStates(): Record<string, ViewState> {
    return Object.fromEntries([...this.views].map(([key, view]) => [key, view.state]));
  }

  private slices(): Record<string, number> {
    return Object.fromEntries([...this.views].map(([key, view]) => [key, view.state.slice]));
  }

  private publish(part: Partial<SessionState> = {}): void {
    if (this.closed) return;
    this.state = { ...this.state, ...part, views: this.viewStates() };
    this.listeners.forEach((listener) => listener());
  }

  private bindTools(): void {
    const { tool } = this.state;
    const extra: Partial<Record<ToolName, number>> = { pan: MouseBindings.Auxiliary, zoom: MouseBindings.Secondary };
    for (const name of Object.keys(TOOL) as ToolName[]) {
      const bindings = [
        ...(name === tool ? [{ mouseButton: MouseBindings.Primary }] : []),
        ...(extra[name] ? [{ mouseButton: extra[name] }] : []),
      ];
      if (bindings.length) this.group.setToolActive(TOOL[name], { bindings });
      else if (name === 'length' && !this.locked) this.group.setToolPassive(TOOL[name]); // lines stay editable
      else if (name === 'length') this.group.setToolEnabled(TOOL[name]);
      else this.group.setToolDisabled(TOOL[name]);
    }
  }

  /** Runs a change of cameras that must not be taken for the reader's and copied to the other stack. */
  private quietly(action: () => void): void {
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
  private readonly cameraMoved = (event: Event) => {
    const { previousCamera, camera, element } = (event as CustomEvent<Types.EventTypes.CameraModifiedEventDetail>).detail;
    const source = [...this.views.values()].find((view) => view.element === element);
    if (!source?.dragged || this.following || this.closed || !previousCamera) return;
    if (!previousCamera.focalPoint || !camera.focalPoint || !previousCamera.parallelScale || !camera.parallelScale) return;
    const axes = source.axes();
    if (!axes) return;
    const moved = subtract(camera.focalPoint, previousCamera.focalPoint);
    const [right, down] = [dot(moved, axes.right), dot(moved, axes.down)];
    const factor = camera.parallelScale / previousCamera.parallelScale;
    if (Math.abs(right) + Math.abs(down) < 1e-6 && Math.abs(factor - 1) < 1e-9) return;
    source.moved = true;
    if (!this.state.linked) return;
    this.quietly(() => {
      for (const other of this.views.values()) if (other !== source) follow(other, right, down, factor);
    });
  };

  private prefetch(): void {
    const { Prefetch } = Enums.RequestType;
    for (const { imageIds, geometry } of this.scans) {
      const nearestFirst = [...imageIds.keys()].sort(
        (a, b) => Math.abs(a - geometry.openingSlice) - Math.abs(b - geometry.openingSlice),
      );
      for (const index of nearestFirst) {
        const imageId = imageIds[index] ?? '';
        const options = { requestType: Prefetch, priority: 0 };
        imageLoadPoolManager.addRequest(
          () => imageLoader.loadAndCacheImage(imageId, options).catch(() => undefined),
          Prefetch,
          { imageId },
          0,
        );
      }
    }
  }

  private showKept(measurement: Measurement): boolean {
    const view = this.views.get(measurement.scan);
    const shown = view && toAnnotation(measurement, view.scan, view.viewport, this.locked);
    if (!shown) return false;
    annotation.state.addAnnotation(shown, view.element);
    return true;
  }

  private annotations(): ToolTypes.Annotation[] {
    const ids = new Set(this.scans.flatMap(({ imageIds }) => imageIds));
    return annotation.state
      .getAllAnnotations()
      .filter(({ metadata }) => metadata?.toolName === LengthTool.toolName && ids.has(metadata.referencedImageId ?? ''));
  }

  private readonly measured = () => {
    if (!this.opened || this.closed) return;
    const scans = new Map(this.scans.flatMap((scan) => scan.imageIds.map((imageId) => [imageId, scan])));
    const known = new Map([...this.kept, ...this.state.measurements].map((item) => [item.id, item]));
    const drawn = this.annotations().flatMap((item) => {
      const scan = scans.get(item.metadata?.referencedImageId ?? '');
      const measurement = scan && toMeasurement(item, scan);
      if (!measurement || measurement.value === 0) return [];
      const before = known.get(measurement.id);
      return before && samePlace(before, measurement) ? [before] : [measurement]; // exactly as it was kept
    });
    const measurements = [...this.unshown, ...drawn];
    if (JSON.stringify(measurements) !== JSON.stringify(this.state.measurements)) this.publish({ measurements });
  };
}

/** One decimal: a pixel is half a millimetre, and 103 mm beside 12.3 mm looks like two precisions. */
function getTextLines(data: { cachedStats: Record<string, { length?: number | null }> }, target: string): string[] {
  const mm = data.cachedStats[target]?.length;
  return typeof mm === 'number' ? [`${mm.toFixed(1)} mm`] : [];
}

function samePlace(a: Measurement, b: Measurement): boolean {
  return a.slice === b.slice && a.points.every((point, index) => distance(point, b.points[index] ?? point) < 1e-6);
}

const MEASUREMENT_EVENTS = [
  ToolEnums.Events.ANNOTATION_COMPLETED,
  ToolEnums.Events.ANNOTATION_MODIFIED,
  ToolEnums.Events.ANNOTATION_REMOVED,
];

function follow(view: StackView, right: number, down: number, factor: number): void {
  const axes = view.axes();
  const camera = view.viewport.getCamera();
  if (!axes || !camera.focalPoint || !camera.parallelScale) return;
  const shift = add(scale(axes.right, right), scale(axes.down, down));
  const focalPoint = add(camera.focalPoint, shift);
  if (renderMode() === 'cpu') {
    // Setting parallelScale is wrong there where rows and columns are spaced differently; scale is not.
    view.viewport.setCamera({ focalPoint });
    view.viewport.setCamera({ scale: (camera.scale ?? 1) / factor });
  } else {
    const position = add(camera.position as Point3, shift);
    view.viewport.setCamera({ focalPoint, position, parallelScale: camera.parallelScale * factor });
  }
  view.moved = true;
  view.viewport.render();
}
