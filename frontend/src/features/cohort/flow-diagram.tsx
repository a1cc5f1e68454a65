import { Link } from 'react-router';

import type { DiagramBox, DiagramLine, Flow } from './api';
import classes from './flow-diagram.module.css';

interface Props {
  /** Laid out by the server, which draws the same figure as a file. */
  diagram: Flow['diagram'];
  site?: string;
  /** The box whose patients are listed. */
  selected?: { step?: string; left?: boolean; reason?: string };
}

/** Where a box or a table cell leads: the patients who got there, or those who left there. */
export function boxLink(box: { kind: string; step: string }, { site, reason }: { site?: string; reason?: string } = {}): string {
  const query = new URLSearchParams(box.kind === 'left' ? { step: box.step } : { reached: box.step });
  if (reason) query.set('reason', reason);
  if (site !== undefined) query.set('site', site);
  return `/cohort?${query}#patients`;
}

const LINE = 18;
const PADDING = 10;

export function FlowDiagram({ diagram, site, selected }: Props) {
  return (
    <svg
      className={classes.diagram}
      viewBox={`0 0 ${diagram.width} ${diagram.height}`}
      style={{ maxWidth: diagram.width }}
      role="group"
      aria-label="Patient flow; each box opens its patients"
    >
      <defs>
        <marker id="flow-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
          <path d="M0 0L8 4L0 8z" className={classes.head} />
        </marker>
      </defs>
      {diagram.arrows.map((arrow, index) => (
        <line key={index} className={classes.arrow} {...arrow} markerEnd="url(#flow-arrow)" />
      ))}
      {diagram.boxes.map((box) => (
        <Box
          key={`${box.kind}-${box.step}`}
          box={box}
          site={site}
          reason={selected?.step === box.step ? selected.reason : undefined}
          selected={selected?.step === box.step && (selected.left ?? false) === (box.kind === 'left')}
        />
      ))}
    </svg>
  );
}

function Box({ box, site, selected, reason }: { box: DiagramBox; site?: string; selected: boolean; reason?: string }) {
  const lines = box.lines.map((line, index) => ({ line, index }));
  const reasons = [...new Set(box.lines.map((line) => line.reason).filter(Boolean))];
  return (
    <g>
      <Link to={boxLink(box, { site })} className={classes.link}>
        <rect
          className={`${classes.box} ${selected ? classes.selected : ''}`}
          x={box.x} y={box.y} width={box.width} height={box.height}
        />
        {lines.map(({ line, index }) => !line.reason && <Line key={index} box={box} line={line} index={index} />)}
      </Link>
      {reasons.map((own) => (
        // A reason may wrap over lines; it is one link.
        <Link key={own} to={boxLink(box, { site, reason: own })} className={classes.reason} aria-current={selected && reason === own ? 'true' : undefined}>
          {lines.map(({ line, index }) => line.reason === own && <Line key={index} box={box} line={line} index={index} />)}
        </Link>
      ))}
    </g>
  );
}

function Line({ box, line, index }: { box: DiagramBox; line: DiagramLine; index: number }) {
  const y = box.y + PADDING + LINE * index + 11;
  const strong = line.strong ? classes.count : undefined;
  return box.kind === 'step' ? (
    <text x={box.x + box.width / 2} y={y} textAnchor="middle" className={strong}>{line.text}</text>
  ) : (
    <text x={box.x + PADDING + line.indent} y={y} className={strong}>{line.text}</text>
  );
}
