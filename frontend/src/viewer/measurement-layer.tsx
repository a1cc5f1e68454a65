import { type PointerEvent, useEffect, useRef } from 'react';

import { KINDS, foot, isAt, resultOf } from './measure';
import type { Pending } from './measurement-book';
import type { ViewerSession } from './session';
import type { SessionState } from './session-state';
import type { Measurement, Point3, StackScan } from './types';
import classes from './measurement-layer.module.css';

type Screen = [number, number];
/** Width of a character of a caption, roughly; px. */
const CHARACTER = 8;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Props {
  scan: StackScan;
  slice: number;
  session: ViewerSession;
  state: SessionState;
}

/** What is measured on the shown slice, drawn over it, with its points as handles for mouse and keys. */
export function MeasurementLayer({ scan, slice, session, state }: Props) {
  const { desk } = session;
  const project = (point: Point3) => desk.project(scan.key, point);
  const here = state.drawn.filter((item) => isAt(item, scan, slice));
  const { pending, selected } = state;
  const placing = pending && isAt(pending.place, scan, slice) ? pending : null;
  return (
    <svg className={classes.layer} data-measuring={session.measuring ?? undefined} data-pending={pending ? true : undefined} role="group" aria-label={`Measurements on ${scan.label}`}>
      {here.map((item) => (
        <Shown
          key={item.id}
          item={item}
          scan={scan}
          points={item.points.map(project)}
          foot={footOf(item, project)}
          session={session}
          point={selected?.id === item.id ? selected.point : undefined}
        />
      ))}
      {placing && <Placing pending={placing} points={[...placing.points, placing.hover].map(project)} width={desk.width(scan.key)} />}
      {placing && placing.byKeys > 0 && <Aim pending={placing} at={project(placing.hover)} scan={scan} session={session} />}
    </svg>
  );
}

function footOf({ kind, points }: Measurement, project: (point: Point3) => Screen): Screen | null {
  const [basion, opisthion, tip] = points;
  return kind === 'mcrae' && basion && opisthion && tip ? project(foot(tip, basion, opisthion)) : null;
}

interface ShownProps {
  item: Measurement;
  scan: StackScan;
  points: Screen[];
  foot: Screen | null;
  session: ViewerSession;
  /** Index of the selected point, null when the whole is selected, undefined when it is not. */
  point: number | null | undefined;
}

function Shown({ item, scan, points, foot: base, session, point }: ShownProps) {
  const { label, points: names } = KINDS[item.kind];
  const dragged = useRef<{ point: number | null; from: Screen } | null>(null);
  const handles = useRef<(SVGCircleElement | null)[]>([]);
  useEffect(() => {
    // Placed by keyboard: the keys go on with its last point.
    if (point != null && !document.activeElement?.closest(`[data-measurement="${item.id}"]`)) handles.current[point]?.focus();
  }, [point, item.id]);

  // Drawn no more, because the slice was scrolled under the hand: what was dragged so far counts.
  useEffect(
    () => () => {
      if (dragged.current) session.desk.drop();
    },
    [session],
  );

  const grab = (event: PointerEvent<SVGElement>, index: number | null) => {
    if (event.button !== 0 || session.locked) return;
    event.stopPropagation();
    if (index === null) event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    dragged.current = { point: index, from: [event.clientX, event.clientY] };
    session.setActive(scan.key);
    session.desk.select({ id: item.id, point: index });
    handles.current[index ?? 0]?.focus({ preventScroll: true });
  };
  const move = (event: PointerEvent<SVGElement>) => {
    const { current } = dragged;
    if (current) session.desk.drag(item.id, current.point, current.from, [event.clientX, event.clientY]);
  };
  const drop = () => {
    if (!dragged.current) return;
    dragged.current = null;
    session.desk.drop();
  };
  const drags = { onPointerMove: move, onPointerUp: drop, onPointerCancel: drop, onLostPointerCapture: drop };

  return (
    <g data-measurement={item.id} data-kind={item.kind} data-selected={point !== undefined || undefined} className={classes.shape}>
      <g className={classes.grip} onPointerDown={(event) => grab(event, null)} {...drags}>
        <Outline kind={item.kind} points={points} foot={base} />
      </g>
      <Caption at={captionAt(item.kind, points)} text={resultOf(item)} width={session.desk.width(scan.key)} />
      {!session.locked &&
        points.map(([x, y], index) => (
          <circle
            // The points have no other identity than their place in the order.
            key={index}
            ref={(element) => {
              handles.current[index] = element;
            }}
            className={classes.handle}
            cx={x}
            cy={y}
            r={7}
            tabIndex={0}
            role="button"
            aria-label={`${names[index] ?? ''}, ${label}, ${scan.label}: ${resultOf(item)}. Arrow keys move it.`}
            data-point={names[index]}
            onPointerDown={(event) => grab(event, index)}
            {...drags}
            onFocus={() => {
              if (dragged.current) return;
              session.setActive(scan.key); // what is not on the scan in hand is let go of
              session.desk.select({ id: item.id, point: index });
            }}
            onKeyDown={(event) => {
              const arrow = ARROWS[event.key];
              if (arrow && !event.altKey && !event.ctrlKey && !event.metaKey) {
                const by = event.shiftKey ? 10 : 1;
                session.desk.select({ id: item.id, point: index });
                session.desk.nudge(arrow[0] * by, arrow[1] * by);
              } else if (event.key === 'Escape') {
                event.currentTarget.blur();
                session.cancel();
              } else return;
              event.preventDefault();
              event.stopPropagation();
            }}
          />
        ))}
    </g>
  );
}

/** The lines of a measurement; `points` may still lack the last ones. */
function Outline({ kind, points, foot: base }: { kind: Measurement['kind']; points: Screen[]; foot: Screen | null }) {
  const [a, b, c, d] = points;
  if (kind === 'probe' && a) return <path className={classes.line} d={`M${a[0] - 8} ${a[1]}h16M${a[0]} ${a[1] - 8}v16`} />;
  if (kind === 'ellipse' && a && b && c && d) {
    const [cx, cy] = [(a[0] + b[0]) / 2, (c[1] + d[1]) / 2];
    const [rx, ry] = [Math.hypot(b[0] - a[0], b[1] - a[1]) / 2, Math.hypot(d[0] - c[0], d[1] - c[1]) / 2];
    return <ellipse className={classes.line} cx={cx} cy={cy} rx={rx} ry={ry} />;
  }
  if (!a || !b) return null;
  const path = `M${a.join(' ')}L${b.join(' ')}`;
  if (kind === 'angle' && c) return <path className={classes.line} d={`${path}L${c.join(' ')}`} />;
  if (kind === 'mcrae' && c && base) {
    return (
      <>
        <path className={classes.line} d={path} />
        <path className={classes.perpendicular} d={`M${base.join(' ')}L${c.join(' ')}`} />
      </>
    );
  }
  return <path className={classes.line} d={path} />;
}

function captionAt(kind: Measurement['kind'], points: Screen[]): Screen {
  const at = kind === 'ellipse' ? points[1] : kind === 'angle' ? points[1] : points.at(-1);
  return [(at?.[0] ?? 0) + 12, (at?.[1] ?? 0) + 5];
}

/** Beside its point: to the right, or to the left where the viewport ends. */
function Caption({ at: [x, y], text, width }: { at: Screen; text: string; width: number }) {
  const left = x + text.length * CHARACTER > width;
  return (
    <text className={classes.caption} x={left ? x - 24 : x} y={y} textAnchor={left ? 'end' : 'start'}>
      {text}
    </text>
  );
}

/** The point in hand of the keys: arrows move it, Space or Enter places it. */
function Aim({ pending: { kind, points, byKeys }, at: [x, y], scan, session }: { pending: Pending; at: Screen; scan: StackScan; session: ViewerSession }) {
  const { label, points: names } = KINDS[kind];
  const cross = useRef<SVGCircleElement>(null);
  useEffect(() => cross.current?.focus({ preventScroll: true }), [byKeys]);
  return (
    <g className={classes.aim}>
      <path d={`M${x - 14} ${y}h9m10 0h9M${x} ${y - 14}v9m0 10v9`} />
      <circle
        ref={cross}
        cx={x}
        cy={y}
        r={7}
        tabIndex={0}
        role="button"
        aria-label={`${kind === 'ellipse' ? `Corner ${points.length + 1}` : (names[points.length] ?? '')}, ${label}, ${scan.label}, not placed yet. Arrow keys move it, Space places it.`}
        onKeyDown={(event) => {
          const arrow = ARROWS[event.key];
          if (event.altKey || event.ctrlKey || event.metaKey) return;
          if (arrow) session.desk.moveAim(arrow[0] * (event.shiftKey ? 10 : 1), arrow[1] * (event.shiftKey ? 10 : 1));
          else if (event.key === ' ' || event.key === 'Enter') {
            if (!event.repeat) session.desk.book.placeAim(); // a key held on places nothing by itself
          } else if (event.key === 'Escape') session.cancel();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
    </g>
  );
}

function Placing({ pending: { kind, points: placed }, points, width }: { pending: Pending; points: Screen[]; width: number }) {
  const next = KINDS[kind].points[placed.length];
  const [a, b] = points;
  const hover = points.at(-1);
  return (
    <g className={classes.shape} data-placing={kind}>
      {kind === 'ellipse' && a && b ? (
        <ellipse
          className={classes.line}
          cx={(a[0] + b[0]) / 2}
          cy={(a[1] + b[1]) / 2}
          rx={Math.abs(b[0] - a[0]) / 2}
          ry={Math.abs(b[1] - a[1]) / 2}
        />
      ) : (
        <Outline kind={kind} points={points} foot={null} />
      )}
      {kind !== 'ellipse' && hover && next && <Caption at={[hover[0] + 14, hover[1] + 18]} text={next} width={width} />}
    </g>
  );
}
