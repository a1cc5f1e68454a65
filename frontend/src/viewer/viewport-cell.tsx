import { useEffect, useRef } from 'react';

import { scaleBarMm } from './geometry';
import { MeasurementLayer } from './measurement-layer';
import { Notes } from './notes';
import type { ViewerSession } from './session';
import type { SessionState } from './session-state';
import type { SaliencyOverlay, StackScan, ViewState } from './types';
import { useLater } from './use-later';
import classes from './viewer.module.css';

interface Props {
  scan: StackScan;
  view: ViewState | null;
  active: boolean;
  hidden: boolean;
  overlay: SaliencyOverlay | null;
  marks: number[];
  measured: number[];
  session: ViewerSession | null;
  state: SessionState | null;
  elementRef: (element: HTMLDivElement | null) => void;
}

/** Pixels of wheel travel for one slice: a notch of a mouse, a short stroke on a trackpad. */
const WHEEL_STEP = 50;
const LINE_HEIGHT = 40;
const CLICK_SLOP = 5;

/** One stack with its letters, scale, position and, where there is no image, the reason. */
export function ViewportCell({ scan, view, active, hidden, overlay, marks, measured, session, state, elementRef }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const travelled = useRef(0);

  useEffect(() => {
    const element = frame.current;
    if (!element || !session) return undefined;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey) {
        // A pinch on a trackpad arrives as a wheel with Ctrl.
        session.zoom(scan.key, Math.exp(event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 0.05 : 0.004)));
        return;
      }
      travelled.current += event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_HEIGHT : event.deltaY;
      if (Math.abs(travelled.current) < WHEEL_STEP) return;
      // The scan in hand stays so: a wheel turned over the other one must not decide which is graded next.
      session.scroll(Math.sign(travelled.current), scan.key);
      travelled.current = 0;
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [session, scan.key]);

  // A drag places its two ends; a click places one, and the next click the other.
  const pressedAt = useRef<[number, number] | null>(null);
  const measuring = session?.measuring ?? null;

  const waiting = useLater(view?.status === 'loading', 150);
  const total = scan.imageIds.length;
  const slice = view?.slice ?? scan.geometry.openingSlice;
  return (
    <section
      ref={frame}
      className={classes.cell}
      data-active={active || undefined}
      hidden={hidden}
      aria-label={`${scan.label}, slice ${slice + 1} of ${total}`}
      tabIndex={0}
      data-keys
      data-testid={`viewport-${scan.key}`}
      data-state={view?.status ?? 'loading'}
      data-slice={slice}
      data-slices={total}
      data-overlay={overlay ? (view?.outsideOverlay ? 'outside' : 'shown') : 'none'}
      data-measuring={measuring ?? undefined}
      onPointerDownCapture={() => session?.setActive(scan.key)}
      onPointerDown={(event) => {
        if (!session || !measuring || event.button !== 0) return;
        pressedAt.current = [event.clientX, event.clientY];
        session.desk.place(measuring, scan.key, event.clientX, event.clientY);
      }}
      onPointerMove={(event) => session?.desk.hover(scan.key, event.clientX, event.clientY)}
      onPointerUp={(event) => {
        const from = pressedAt.current;
        pressedAt.current = null;
        if (!session || !measuring || !from || !state?.pending) return;
        if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) < CLICK_SLOP) return;
        session.desk.place(measuring, scan.key, event.clientX, event.clientY);
      }}
      onFocus={() => session?.setActive(scan.key)}
      onContextMenu={(event) => event.preventDefault()}
    >
      <div
        ref={elementRef}
        className={classes.image}
        data-waiting={waiting || undefined}
        // On the image alone: two quick clicks on the position bar or a measurement's point are not meant for it.
        // Not onDoubleClick: Cornerstone swallows that event where the browser was slow to hand it over.
        onClick={(event) => {
          if (event.detail === 2 && !measuring) session?.toggleSolo();
        }}
      />
      {session && state && view?.status === 'ready' && (
        <MeasurementLayer scan={scan} slice={slice} session={session} state={state} />
      )}
      <div className={classes.title}>
        {scan.label}
        {session && <SeriesSwitch scan={scan} onPick={(series) => session.askForSeries(scan.key, series)} />}
      </div>
      {view && view.status !== 'error' && view.mmPerPixel > 0 && (
        <>
          <Letters letters={view.letters} />
          <ScaleBar mmPerPixel={view.mmPerPixel} />
        </>
      )}
      <div className={classes.status}>
        <span className={classes.position}>
          {slice + 1}/{total}
        </span>
        {view && (
          <>
            <span>{position(view)}</span>
            <span className={classes.window}>
              W {Math.round(view.window.upper - view.window.lower)} L {Math.round((view.window.upper + view.window.lower) / 2)}
              {view.inverted && ' inverted'}
            </span>
          </>
        )}
      </div>
      <PositionBar slice={slice} total={total} marks={marks} measured={measured} onGoTo={(index) => session?.goTo(index, scan.key)} />
      <Notes scan={scan} slice={slice} waiting={waiting} loading={view?.status === 'loading'} state={state} />
      {view?.outsideOverlay && <p className={classes.note}>The map does not cover this slice.</p>}
      {view?.status === 'error' && (
        <div role="alert" className={classes.error}>
          <strong>
            Slice {slice + 1} of {total} is not shown
          </strong>
          <span>{view.error}</span>
          <button type="button" onClick={() => session?.retry(scan.key)}>
            Try again
          </button>
        </div>
      )}
    </section>
  );
}

/** The scan's series by number alone: a name or a date could tell more than a reader may know. */
function SeriesSwitch({ scan: { label, series = 0, seriesCount = 1 }, onPick }: { scan: StackScan; onPick: (series: number) => void }) {
  if (seriesCount < 2) return null;
  return (
    <span role="group" aria-label={`Series of ${label}`} className={classes.series}>
      {Array.from({ length: seriesCount }, (_, index) => (
        <button
          key={index}
          type="button"
          aria-pressed={index === series}
          aria-label={`Series ${index + 1} of ${seriesCount}, ${label}`}
          title={`Series ${index + 1} of ${seriesCount} (X)`}
          aria-keyshortcuts="X"
          onPointerDown={(event) => event.stopPropagation()}
          onClick={(event) => {
            event.stopPropagation();
            if (index !== series) onPick(index);
          }}
        >
          {index + 1}
        </button>
      ))}
    </span>
  );
}

function position({ offsetMm, side }: ViewState): string {
  if (offsetMm < 0.05) return 'middle';
  return `${offsetMm.toFixed(1)} mm ${{ L: 'left', R: 'right' }[side] ?? ''}`.trim();
}

function Letters({ letters }: { letters: ViewState['letters'] }) {
  return (
    <div aria-hidden>
      {(['left', 'right', 'top', 'bottom'] as const).map((edge) => (
        <span key={edge} className={classes.letter} data-edge={edge}>
          {letters[edge]}
        </span>
      ))}
    </div>
  );
}

function ScaleBar({ mmPerPixel }: { mmPerPixel: number }) {
  const mm = scaleBarMm(mmPerPixel, 140);
  return (
    <div className={classes.scale} aria-hidden data-testid="scale-bar" data-mm={mm} data-mm-per-pixel={mmPerPixel}>
      <span style={{ width: mm / mmPerPixel }} />
      {mm} mm
    </div>
  );
}

/** Where in the stack the slice is, with the marked slices: key slices and measurements. A click goes there. */
function PositionBar({ slice, total, marks, measured, onGoTo }: {
  slice: number;
  total: number;
  marks: number[];
  measured: number[];
  onGoTo: (slice: number) => void;
}) {
  const at = (index: number) => `${((index + 0.5) / Math.max(1, total)) * 100}%`;
  return (
    <div
      className={classes.bar}
      data-testid="position-bar"
      aria-hidden // Home, End and the arrows do the same
      onPointerDown={(event) => {
        event.stopPropagation();
        const { top, height } = event.currentTarget.getBoundingClientRect();
        onGoTo(Math.floor(((event.clientY - top) / height) * total));
      }}
    >
      {[...new Set(measured)].map((index) => (
        <i key={`m${index}`} className={classes.measured} style={{ top: at(index) }} />
      ))}
      {[...new Set(marks)].map((index) => (
        <i key={`k${index}`} className={classes.marked} style={{ top: at(index) }} />
      ))}
      <i className={classes.here} style={{ top: at(slice) }} />
    </div>
  );
}
