import type { FlowStep } from './api';

/** One line of a box; with a reason it opens the patients who left for that reason. */
export interface FlowLine {
  text: string;
  reason?: string;
}

export interface FlowBox {
  kind: 'step' | 'left';
  step: string;
  x: number;
  y: number;
  width: number;
  height: number;
  lines: FlowLine[];
}

export interface FlowArrow {
  from: [number, number];
  to: [number, number];
}

export interface FlowLayout {
  width: number;
  height: number;
  boxes: FlowBox[];
  arrows: FlowArrow[];
}

const MAIN = { x: 1, width: 250 };
const SIDE = { x: 310, width: 330 };
export const LINE = 18;
export const PADDING = 9;
const GAP = 26;
/** Mean width of a letter at the diagram's 13 px, with room to spare for wide fonts. */
const LETTER = 7.2;

/** Breaks at spaces into lines of at most `width` pixels; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const most = Math.floor((width - 2 * PADDING) / LETTER);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const boxHeight = (lines: readonly FlowLine[]) => lines.length * LINE + 2 * PADDING - 3;
const number = (n: number) => n.toLocaleString('en');

/**
 * STARD/CONSORT flow: what remains runs down the left, who left stands at the right of the arrow
 * along which they left.
 */
export function layoutFlow(steps: readonly FlowStep[], describe: (reason: string) => string): FlowLayout {
  const boxes: FlowBox[] = [];
  const arrows: FlowArrow[] = [];
  const middle = MAIN.x + MAIN.width / 2;
  let y = 1;
  steps.forEach((step, index) => {
    if (index > 0) {
      const start = y;
      if (step.left > 0) {
        const lines: FlowLine[] = [{ text: `Left: n = ${number(step.left)}` }];
        for (const [reason, n] of Object.entries(step.reasons)) {
          wrap(`${describe(reason)} (${number(n)})`, SIDE.width).forEach((text) => lines.push({ text, reason }));
        }
        const height = boxHeight(lines);
        boxes.push({ kind: 'left', step: step.key, x: SIDE.x, y: y + GAP / 2, width: SIDE.width, height, lines });
        const level = y + GAP / 2 + height / 2;
        arrows.push({ from: [middle, level], to: [SIDE.x, level] });
        y += height + GAP;
      } else {
        y += GAP;
      }
      arrows.push({ from: [middle, start], to: [middle, y] });
    }
    const lines: FlowLine[] = [...wrap(step.label, MAIN.width).map((text) => ({ text })), { text: `n = ${number(step.remaining)}` }];
    const height = boxHeight(lines);
    boxes.push({ kind: 'step', step: step.key, x: MAIN.x, y, width: MAIN.width, height, lines });
    y += height;
  });
  return { width: SIDE.x + SIDE.width + 1, height: y + 1, boxes, arrows };
}

/** Steps whose counts do not follow from the one before: shown, never smoothed over. */
export function flowContradictions(steps: readonly FlowStep[]): string[] {
  const found: string[] = [];
  steps.forEach((step, index) => {
    const reasons = Object.values(step.reasons).reduce((sum, n) => sum + n, 0);
    if (reasons !== step.left) found.push(`${step.label}: the reasons sum to ${reasons}, not to ${step.left}.`);
    const before = steps[index - 1];
    if (before && before.remaining - step.left !== step.remaining) {
      found.push(`${step.label}: ${before.remaining} − ${step.left} is not ${step.remaining}.`);
    }
  });
  return found;
}
