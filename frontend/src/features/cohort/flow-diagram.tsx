import { Alert, Stack } from '@mantine/core';
import { Link } from 'react-router';

import type { FlowStep } from './api';
import classes from './flow-diagram.module.css';
import { type FlowBox, flowContradictions, layoutFlow, LINE, PADDING } from './flow-layout';
import { describeReason } from './wording';

interface Props {
  steps: readonly FlowStep[];
  /** The box whose patients are listed. */
  selected?: { step?: string; left?: boolean };
}

/** Where a box leads: the patients who got there, or those who left there. */
export function boxLink(box: Pick<FlowBox, 'kind' | 'step'>, reason?: string): string {
  const query = new URLSearchParams(box.kind === 'left' ? { step: box.step } : { reached: box.step });
  if (reason) query.set('reason', reason);
  return `/cohort?${query}#patients`;
}

export function FlowDiagram({ steps, selected }: Props) {
  const { width, height, boxes, arrows } = layoutFlow(steps, describeReason);
  const wrong = flowContradictions(steps);
  return (
    <Stack gap="sm">
      {wrong.length > 0 && (
        <Alert color="red" title="This flow does not add up" role="alert">{wrong.join(' ')}</Alert>
      )}
      <svg
        className={classes.diagram}
        viewBox={`0 0 ${width} ${height}`}
        style={{ maxWidth: width }}
        role="group"
        aria-label="Patient flow; each box opens its patients"
      >
        <defs>
          <marker id="flow-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0 0L8 4L0 8z" className={classes.head} />
          </marker>
        </defs>
        {arrows.map(({ from, to }, index) => (
          <line
            key={index}
            className={classes.arrow}
            x1={from[0]} y1={from[1]} x2={to[0]} y2={to[1]}
            markerEnd="url(#flow-arrow)"
          />
        ))}
        {boxes.map((box) => (
          <Box
            key={`${box.kind}-${box.step}`}
            box={box}
            selected={selected?.step === box.step && (selected.left ?? false) === (box.kind === 'left')}
          />
        ))}
      </svg>
    </Stack>
  );
}

function Box({ box, selected }: { box: FlowBox; selected: boolean }) {
  const heading = box.lines.filter((line) => !line.reason);
  return (
    <g>
      <Link to={boxLink(box)} className={classes.link}>
        <rect
          className={`${classes.box} ${classes[box.kind]} ${selected ? classes.selected : ''}`}
          x={box.x} y={box.y} width={box.width} height={box.height} rx={3}
        />
        {heading.map((line, index) => <Line key={index} box={box} index={index} text={line.text} />)}
      </Link>
      {box.lines.map((line, index) =>
        line.reason ? (
          <Link key={index} to={boxLink(box, line.reason)} className={classes.reason}>
            <Line box={box} index={index} text={line.text} />
          </Link>
        ) : null,
      )}
    </g>
  );
}

function Line({ box, index, text }: { box: FlowBox; index: number; text: string }) {
  const y = box.y + PADDING + LINE * index + 10.5;
  const strong = text.startsWith('n = ') || text.startsWith('Left: ');
  return box.kind === 'step' ? (
    <text x={box.x + box.width / 2} y={y} textAnchor="middle" className={strong ? classes.count : undefined}>{text}</text>
  ) : (
    <text x={box.x + PADDING} y={y} className={strong ? classes.count : undefined}>{text}</text>
  );
}
