import { type Ref, useCallback, useEffect, useEffectEvent, useImperativeHandle, useRef, useState, useSyncExternalStore } from 'react';

import { handleViewerKey } from './keys';
import { isOn, MEASURING } from './measure';
import { ViewerSession } from './session';
import type { SessionStanding, SessionState } from './session-state';
import { giveUpGraphics, keepRenderer, keptRenderer, renderMode, type RenderMode } from './start';
import { Toolbar, type Undoing } from './toolbar';
import type { Measurement, MeasuringAct, SaliencyOverlay, StackScan, ToolName, ViewerHandle } from './types';
import classes from './viewer.module.css';
import { ViewportCell } from './viewport-cell';

export interface StackPairProps {
  /** One or two scans, in screen order. A new array closes the old case and opens another. */
  scans: StackScan[];
  /** What is measured; one that did not come from here is taken over, and the view stays as it is. */
  measurements?: Measurement[];
  onMeasurementsChange?: (measurements: Measurement[]) => void;
  /** Something was placed, measured, changed or removed by an act of its own, which `undo` of that act takes back. */
  onMeasured?: (act: MeasuringAct) => void;
  /** The page's own undoing, of which measuring is a part; the toolbar offers it in place of the viewer's. */
  undoing?: Undoing;
  /** The scan in hand; read when `scans` changes. */
  active?: string;
  onActiveChange?: (scan: string) => void;
  /** The reader wants another series of a scan: pass it in `scans`, with the same family. */
  onSeriesChange?: (scan: string, series: number) => void;
  /** Slices to mark on the position bar, by scan key. */
  marks?: Record<string, number[]>;
  overlays?: Record<string, SaliencyOverlay | null>;
  tools?: ToolName[];
  /** Index of the window preset to open with, and what to do when the reader picks another. */
  preset?: number;
  onPresetChange?: (index: number) => void;
  /** Measurements are shown and cannot be made or changed. */
  readOnly?: boolean;
  /** Keys work while the viewer has the focus; a page that listens for them itself turns this off. */
  keyboard?: boolean;
  ref?: Ref<ViewerHandle | null>;
}

const NONE: Measurement[] = [];
const LOOKING: ToolName[] = ['window', 'zoom', 'pan'];
const ALL: ToolName[] = [...LOOKING, ...MEASURING];
/** What stays open while series of its scans replace each other; null where they do not. */
const familyOf = (scans: StackScan[]) => (scans.every(({ family }) => family) ? scans.map(({ family, key }) => `${family}/${key}`).join() : null);
const idle = () => () => undefined;
const nothing = () => null;

export default function StackPair({
  scans,
  measurements = NONE,
  onMeasurementsChange,
  onMeasured,
  undoing,
  active: inHand,
  onActiveChange,
  onSeriesChange,
  marks,
  overlays,
  readOnly = false,
  tools = readOnly ? LOOKING : ALL,
  preset = 0,
  onPresetChange,
  keyboard = true,
  ref,
}: StackPairProps) {
  const elements = useRef(new Map<string, HTMLDivElement>());
  const [session, setSession] = useState<ViewerSession | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const state = useSyncExternalStore<SessionState | null>(session?.subscribe ?? idle, session?.getState ?? nothing);
  const opening = useRef({ scans, measurements, preset, active: inHand });
  useEffect(() => {
    opening.current = { scans, measurements, preset, active: inHand };
  });
  const opened = familyOf(scans) ?? scans;
  // Another renderer takes over: the session is made anew and goes on as it stood.
  const [renderer, setRenderer] = useState(0);
  const before = useRef<{ opened: typeof opened; standing: SessionStanding } | null>(null);
  const [lost, setLost] = useState(false);
  const drawBy = useCallback(
    (mode: RenderMode | null) => {
      if (session) before.current = { opened, standing: session.standing() };
      keepRenderer(mode);
      setLost(false);
      setRenderer((count) => count + 1);
    },
    [session, opened],
  );
  useImperativeHandle<ViewerHandle | null, ViewerHandle | null>(ref, () => session, [session]);

  const measured = useEffectEvent((act: MeasuringAct) => onMeasured?.(act));
  useEffect(() => {
    let made: ViewerSession | null = null;
    let closed = false;
    const watcher = new ResizeObserver(() => made?.resize());
    const drawn = elements.current;
    const onLost = () => {
      if (closed || !made || before.current) return;
      before.current = { opened, standing: made.standing() };
      giveUpGraphics();
      setLost(true);
      setRenderer((count) => count + 1);
    };
    // A turn later: React's StrictMode mounts twice, and a WebGL context is not made for nothing.
    void Promise.resolve()
      .then(async () => {
        if (closed) return;
        const standing = before.current?.opened === opened ? before.current.standing : null;
        before.current = null;
        made = new ViewerSession(opening.current.scans, drawn, { ...opening.current, locked: readOnly, before: standing, onMeasured: (act) => measured(act), onLost });
        setFailure(null);
        setSession(made);
        drawn.forEach((element) => watcher.observe(element));
        await made.open();
      })
      .catch((error: unknown) => {
        if (!closed) setFailure(error instanceof Error ? error.message : 'The images could not be opened.');
      });
    return () => {
      closed = true;
      watcher.disconnect();
      made?.close();
      setSession(null);
    };
  }, [opened, readOnly, renderer]);

  useEffect(() => {
    if (!session) return;
    session.setSeriesSource(onSeriesChange ?? null);
    scans.forEach((scan) => session.showSeries(scan));
  }, [session, scans, onSeriesChange]);

  // What was told to the page comes back as `measurements`, while something newer may be there already.
  const told = useRef<Measurement[][]>([]);
  useEffect(() => {
    const back = told.current.indexOf(measurements);
    if (back < 0) session?.adopt(measurements);
    else told.current.splice(0, back + 1);
  }, [session, measurements]);
  const shown = state?.measurements;
  useEffect(() => {
    if (!shown || !onMeasurementsChange || shown === opening.current.measurements) return;
    told.current.push(shown);
    onMeasurementsChange(shown);
  }, [shown, onMeasurementsChange]);
  const chosen = state?.preset;
  useEffect(() => {
    if (chosen !== undefined && chosen !== opening.current.preset) onPresetChange?.(chosen);
  }, [chosen, onPresetChange]);
  const active = state?.active;
  useEffect(() => {
    if (active) onActiveChange?.(active);
  }, [active, onActiveChange]);
  useEffect(() => {
    for (const { key } of scans) session?.setOverlay(key, overlays?.[key] ?? null);
  }, [session, overlays, scans]);

  return (
    <div
      className={classes.viewer}
      role="region"
      aria-label="Images"
      data-render={session ? renderMode() : undefined}
      onKeyDown={(event) => {
        if (keyboard && session && handleViewerKey(session, event.nativeEvent)) event.preventDefault();
      }}
    >
      {session && state && <Toolbar session={session} state={state} tools={tools} pair={scans.length > 1} undoing={undoing} renderer={keptRenderer()} onRenderer={drawBy} />}
      {failure && (
        <p role="alert" className={classes.failure}>
          {failure}
        </p>
      )}
      {lost && (
        <div role="alert" className={classes.lost}>
          <span>The graphics card stopped drawing. The processor draws now, and everything else is as it was.</span>
          <button type="button" onClick={() => (keepRenderer('cpu'), setLost(false))}>
            Always use the processor
          </button>
          <button type="button" onClick={() => setLost(false)}>
            Only now
          </button>
        </div>
      )}
      <div className={classes.grid} data-count={state?.solo ? 1 : scans.length}>
        {scans.map((scan) => (
          <ViewportCell
            key={scan.key}
            scan={scan}
            view={state?.views[scan.key] ?? null}
            active={scans.length > 1 && state?.active === scan.key}
            hidden={Boolean(state?.solo) && state?.solo !== scan.key}
            overlay={overlays?.[scan.key] ?? null}
            marks={marks?.[scan.key] ?? []}
            measured={state?.measurements.filter((item) => isOn(item, scan)).map((item) => item.slice) ?? []}
            session={session}
            state={state}
            elementRef={(element) => {
              if (element) elements.current.set(scan.key, element);
              else elements.current.delete(scan.key);
            }}
          />
        ))}
      </div>
    </div>
  );
}
