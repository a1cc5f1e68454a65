import { Enums, eventTarget, RenderingEngine, type Types } from '@cornerstonejs/core';
import {
  Enums as ToolEnums, PanTool, ToolGroupManager, type Types as ToolTypes, WindowLevelTool, ZoomTool,
} from '@cornerstonejs/tools';

import { start } from './start';
import type { ToolName } from './types';

const { MouseBindings } = ToolEnums;
/** Tools that Cornerstone drives; what measures is ours. */
export const DRIVEN = {
  window: WindowLevelTool.toolName as string,
  zoom: ZoomTool.toolName as string,
  pan: PanTool.toolName as string,
};
const EXTRA_BUTTON: Partial<Record<keyof typeof DRIVEN, number>> = { pan: MouseBindings.Auxiliary, zoom: MouseBindings.Secondary };

let count = 0;

/** What Cornerstone draws on and drags with: one engine and one group of tools over all viewports. */
export class Screen {
  readonly engine: RenderingEngine;
  private readonly id = `viewer-${(count += 1)}`;
  private readonly group: ToolTypes.IToolGroup;
  /** Sizes of the elements when their canvases were made or last resized. */
  private drawnAt: string;
  private readonly elements: HTMLDivElement[];

  constructor(
    keys: string[],
    elements: ReadonlyMap<string, HTMLDivElement>,
    /** The graphics card draws no more. */
    private readonly onLost: () => void,
  ) {
    start();
    this.elements = keys.map((key) => elements.get(key) as HTMLDivElement);
    this.engine = new RenderingEngine(this.id);
    this.engine.setViewports(
      keys.map((key, index) => ({
        viewportId: this.viewportId(key),
        element: this.elements[index] as HTMLDivElement,
        type: Enums.ViewportType.STACK,
        defaultOptions: { background: [0, 0, 0] as Types.Point3 },
      })),
    );
    const group = ToolGroupManager.createToolGroup(this.id);
    if (!group) throw new Error('The viewer is already open.');
    this.group = group;
    for (const name of Object.values(DRIVEN)) group.addTool(name);
    for (const key of keys) group.addViewport(this.viewportId(key), this.id);
    this.drawnAt = this.sizes();
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, this.lost);
  }

  close(): void {
    eventTarget.removeEventListener(Enums.Events.WEBGL_CONTEXT_LOST, this.lost);
    ToolGroupManager.destroyToolGroup(this.id);
    this.engine.destroy();
    // A canvas that a lost graphics card drew on stays black, whoever draws on it next.
    for (const element of this.elements) element.replaceChildren();
  }

  private readonly lost = (event: Event): void => {
    if ((event as CustomEvent<{ renderingEngineId: string }>).detail.renderingEngineId === this.id) this.onLost();
  };

  viewportId(key: string): string {
    return `${this.id}-${key}`;
  }

  /** Which tool the left button drags with. */
  bind(tool: ToolName): void {
    for (const name of Object.keys(DRIVEN) as (keyof typeof DRIVEN)[]) {
      const extra = EXTRA_BUTTON[name];
      const bindings = [
        ...(name === tool ? [{ mouseButton: MouseBindings.Primary }] : []),
        ...(extra ? [{ mouseButton: extra }] : []),
      ];
      if (bindings.length) this.group.setToolActive(DRIVEN[name], { bindings });
      else this.group.setToolDisabled(DRIVEN[name]);
    }
  }

  /** Whether an element has another size than its canvas; asked once for each size. */
  isResized(): boolean {
    // An observer calls at once for what it begins to observe, too.
    const sizes = this.sizes();
    if (sizes === this.drawnAt) return false;
    this.drawnAt = sizes;
    return true;
  }

  private sizes(): string {
    return this.elements.map(({ clientWidth, clientHeight }) => `${clientWidth}×${clientHeight}`).join(' ');
  }
}
