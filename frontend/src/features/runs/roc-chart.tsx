import { CartesianGrid, ErrorBar, Legend, Line, LineChart, ReferenceLine, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';

import { figure, interval } from '@/lib/format';
import { PALETTE, SERIES } from '@/lib/palette';

import { AXIS, Chart, UNIT_TICKS } from './chart';
import { operatingPoint, wilson } from './confusion';
import type { Counts, Metrics, ReaderRow } from './result';

const axis = { type: 'number' as const, domain: [0, 1], ticks: UNIT_TICKS, tick: AXIS, allowDataOverflow: true };

export function curveOf(roc: NonNullable<Metrics['roc']>) {
  return roc.fpr.map((fpr, index) => ({ fpr, tpr: roc.tpr[index] ?? 0, threshold: roc.thresholds[index] ?? null }));
}

interface Props {
  metrics: Metrics;
  /** Counts at the threshold in use; the stored one unless the slider was moved. */
  counts: Counts;
  exploring: boolean;
  /** Observers' own labels judged by the final ones: the ceiling. */
  readers?: readonly ReaderRow[];
}

export function RocChart({ metrics, counts, exploring, readers = [] }: Props) {
  if (!metrics.roc || !metrics.auc) return <p>No ROC curve: the test patients have one outcome only.</p>;
  const { auc } = metrics;
  const point = operatingPoint(counts);
  const positives = counts.tp + counts.fn;
  const negatives = counts.fp + counts.tn;
  const sensitivity = wilson(counts.tp, positives);
  const falsePositives = wilson(counts.fp, negatives);
  const operating =
    point.fpr !== null && point.tpr !== null && sensitivity && falsePositives
      ? [{
          ...point,
          tprError: [point.tpr - sensitivity[0], sensitivity[1] - point.tpr],
          fprError: [point.fpr - falsePositives[0], falsePositives[1] - point.fpr],
        }]
      : [];
  const ceiling = readers.flatMap(({ provenance, reader, sensitivity, specificity }) =>
    provenance === 'all' && sensitivity.value !== null && specificity.value !== null ? [{ reader, fpr: 1 - specificity.value, tpr: sensitivity.value }] : [],
  );
  const colour = exploring ? PALETTE.amber : PALETTE.orange;
  const caption = `AUC ${figure(auc.value)} (95 % CI ${interval(auc.low, auc.high)}, DeLong). Cross: operating point with Wilson intervals${exploring ? ', at the explored threshold' : ''}.${ceiling.length ? ' Triangles: one observer’s own labels (the ceiling).' : ''}`;
  return (
    <Chart square label={`ROC curve. ${caption}`} caption={caption}>
      <ScatterChart margin={{ top: 8, right: 12, bottom: 24, left: 4 }}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis {...axis} dataKey="fpr" name="1 − specificity" label={{ value: '1 − specificity', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis {...axis} dataKey="tpr" name="Sensitivity" width={48} label={{ value: 'Sensitivity', angle: -90, position: 'insideLeft', ...AXIS }} />
        <ReferenceLine segment={[{ x: 0, y: 0 }, { x: 1, y: 1 }]} stroke={PALETTE.grey} strokeDasharray="4 4" />
        <Tooltip formatter={(value) => (typeof value === 'number' ? figure(value) : String(value))} cursor={false} />
        <Scatter
          name="ROC"
          data={curveOf(metrics.roc)}
          line={{ stroke: PALETTE.blue, strokeWidth: 2 }}
          lineType="joint"
          shape={() => <g />}
          isAnimationActive={false}
        />
        <Scatter name="One observer alone" data={ceiling} fill={PALETTE.green} shape="triangle" isAnimationActive={false} />
        <Scatter name="Operating point" data={operating} fill={colour} shape="circle" isAnimationActive={false}>
          <ErrorBar dataKey="tprError" direction="y" width={6} stroke={colour} strokeWidth={1.5} />
          <ErrorBar dataKey="fprError" direction="x" width={6} stroke={colour} strokeWidth={1.5} />
        </Scatter>
      </ScatterChart>
    </Chart>
  );
}

/** Several runs' curves on one grid, told apart by dash as well as hue. */
export function RocOverlay({ runs }: { runs: readonly { name: string; metrics: Metrics }[] }) {
  const drawn = runs.filter((run) => run.metrics.roc);
  const dashes = ['0', '6 3', '2 3', '10 3 2 3', '12 4', '4 2'];
  return (
    <Chart square label={`ROC curves of ${drawn.map((run) => `${run.name}, AUC ${figure(run.metrics.auc?.value)}`).join('; ')}`}>
      <LineChart margin={{ top: 8, right: 12, bottom: 24, left: 4 }}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis {...axis} dataKey="fpr" label={{ value: '1 − specificity', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis {...axis} width={48} label={{ value: 'Sensitivity', angle: -90, position: 'insideLeft', ...AXIS }} />
        <ReferenceLine segment={[{ x: 0, y: 0 }, { x: 1, y: 1 }]} stroke={PALETTE.grey} strokeDasharray="4 4" />
        <Legend verticalAlign="top" iconType="plainline" />
        {drawn.map((run, index) => (
          <Line
            key={run.name}
            name={run.name}
            data={run.metrics.roc ? curveOf(run.metrics.roc) : []}
            dataKey="tpr"
            stroke={SERIES[index % SERIES.length]}
            strokeDasharray={dashes[index % dashes.length]}
            strokeWidth={2}
            dot={false}
            isAnimationActive={false}
          />
        ))}
      </LineChart>
    </Chart>
  );
}
