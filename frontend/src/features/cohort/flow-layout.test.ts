import { describe, expect, it } from 'vitest';

import { flowContradictions, layoutFlow, wrap } from './flow-layout';

const step = (key: string, remaining: number, reasons: Record<string, number> = {}) => ({
  key,
  label: `Step ${key}`,
  remaining,
  left: Object.values(reasons).reduce((sum, n) => sum + n, 0),
  reasons,
});

const steps = [
  step('identified', 60),
  step('imaged', 55, { no_mri: 5 }),
  step('coded', 55),
  step('chart_review', 48, { ra_refuted: 4, junction_surgery: 2, odontoid_fracture: 1 }),
  step('included', 48),
];

describe('layoutFlow', () => {
  const layout = layoutFlow(steps, (reason) => reason);

  it('draws every step, and a side box only where somebody left', () => {
    expect(layout.boxes.filter((box) => box.kind === 'step').map((box) => box.step)).toEqual(steps.map((item) => item.key));
    expect(layout.boxes.filter((box) => box.kind === 'left').map((box) => box.step)).toEqual(['imaged', 'chart_review']);
  });

  it('prints each reason as its own line that leads to its patients', () => {
    const side = layout.boxes.find((box) => box.kind === 'left' && box.step === 'chart_review');
    expect(side?.lines.map((line) => line.reason)).toEqual([undefined, 'ra_refuted', 'junction_surgery', 'odontoid_fracture']);
    expect(side?.lines[0]?.text).toBe('Left: n = 7');
  });

  it('keeps boxes apart and inside the picture', () => {
    for (const [i, a] of layout.boxes.entries()) {
      expect(a.y + a.height).toBeLessThanOrEqual(layout.height);
      expect(a.x + a.width).toBeLessThanOrEqual(layout.width);
      for (const b of layout.boxes.slice(i + 1)) {
        const apart = a.y + a.height <= b.y || b.y + b.height <= a.y || a.x + a.width <= b.x || b.x + b.width <= a.x;
        expect(apart).toBe(true);
      }
    }
  });

  it('joins each step to the next and each side box to that arrow', () => {
    expect(layout.arrows).toHaveLength(steps.length - 1 + 2);
    for (const { from, to } of layout.arrows) expect(from[0] === to[0] || from[1] === to[1]).toBe(true);
  });

  it('makes room for a reason that needs two lines', () => {
    const long = 'a reason so long that it cannot stand on one line of the box at the right';
    const [, , side] = layoutFlow([steps[0]!, step('imaged', 55, { x: 5 })], () => long).boxes.sort((a, b) => a.lines.length - b.lines.length);
    expect(side?.lines.length).toBeGreaterThan(2);
    expect(side?.lines.slice(1).every((line) => line.reason === 'x')).toBe(true);
  });
});

it('wraps at spaces and never loses a word', () => {
  const text = 'Surgery at the craniocervical junction before the baseline scan';
  expect(wrap(text, 160).join(' ')).toBe(text);
  expect(wrap('Supercalifragilisticexpialidocious', 60)).toEqual(['Supercalifragilisticexpialidocious']);
});

describe('flowContradictions', () => {
  it('is silent about a flow that sums', () => {
    expect(flowContradictions(steps)).toEqual([]);
  });
  it('names the step that does not follow, as in the published flow', () => {
    const wrong = [step('coded', 303), { ...step('chart_review', 220, { ra_refuted: 34, other: 9 }), left: 56 }];
    expect(flowContradictions(wrong)).toEqual([
      'Step chart_review: the reasons sum to 43, not to 56.',
      'Step chart_review: 303 − 56 is not 220.',
    ]);
  });
});
