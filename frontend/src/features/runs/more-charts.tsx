import { CartesianGrid, ErrorBar, Legend, Line, LineChart, ReferenceLine, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';

import { figure, interval } from '@/lib/format';
import { PALETTE } from '@/lib/palette';

import { AXIS, Chart, UNIT_TICKS } from './chart';
import { operatingPoint } from './confusion';
import type { Counts, Metrics, RunResult } from './result';

const unit = { type: 'number' as const, domain: [0, 1], ticks: UNIT_TICKS, tick: AXIS, allowDataOverflow: true };
const margin = { top: 8, right: 12, bottom: 24, left: 4 };
const text = (value: unknown) => (typeof value === 'number' ? figure(value) : String(value));

export function PrChart({ metrics, counts, exploring }: { metrics: Metrics; counts: Counts; exploring: boolean }) {
  if (!metrics.pr) return <p>No precision–recall curve: no test patient developed a deformity.</p>;
  const curve = metrics.pr.recall.map((recall, index) => ({ recall, precision: metrics.pr?.precision[index] ?? 0 }));
  const prevalence = metrics.positives / metrics.n;
  const point = operatingPoint(counts);
  const caption = `Area ${figure(metrics.auprc)}; a coin toss would have ${figure(prevalence)} (the prevalence, dashed).`;
  return (
    <Chart square label={`Precision–recall curve. ${caption}`} caption={caption}>
      <ScatterChart margin={margin}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis {...unit} dataKey="recall" name="Sensitivity (recall)" label={{ value: 'Sensitivity (recall)', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis {...unit} dataKey="precision" name="PPV (precision)" width={48} label={{ value: 'PPV (precision)', angle: -90, position: 'insideLeft', ...AXIS }} />
        <ReferenceLine y={prevalence} stroke={PALETTE.grey} strokeDasharray="4 4" />
        <Tooltip formatter={text} cursor={false} />
        <Scatter name="PR" data={curve} line={{ stroke: PALETTE.blue, strokeWidth: 2 }} lineType="joint" shape={() => <g />} isAnimationActive={false} />
        <Scatter
          name="Operating point"
          data={point.precision === null || point.tpr === null ? [] : [{ recall: point.tpr, precision: point.precision }]}
          fill={exploring ? PALETTE.amber : PALETTE.orange}
          isAnimationActive={false}
        />
      </ScatterChart>
    </Chart>
  );
}

export function CalibrationChart({ metrics, before }: { metrics: Metrics; before: RunResult['metrics_uncalibrated'] }) {
  const { calibration } = metrics;
  const points = calibration.curve.map((bin) => ({
    predicted: bin.predicted,
    observed: bin.observed,
    error: [bin.observed - (bin.wilson[0] ?? 0), (bin.wilson[1] ?? 1) - bin.observed],
  }));
  const say = (name: string, estimate: Metrics['calibration']['slope']) =>
    estimate ? `${name} ${figure(estimate.value, 2)} (${interval(estimate.low, estimate.high, 2)})` : `${name}: no finite fit`;
  const caption = `${say('Slope', calibration.slope)}; ${say('intercept', calibration.intercept).toLowerCase()}; Brier ${figure(metrics.brier)}; ECE ${figure(calibration.ece)}.${before ? ` Before the temperature (open): ${say('slope', before.calibration.slope)}; Brier ${figure(before.brier)}; ECE ${figure(before.calibration.ece)}.` : ''}`;
  return (
    <Chart square label={`Calibration. ${caption}`} caption={caption}>
      <ScatterChart margin={margin}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis {...unit} dataKey="predicted" name="Predicted" label={{ value: 'Predicted probability', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis {...unit} dataKey="observed" name="Observed" width={48} label={{ value: 'Observed share', angle: -90, position: 'insideLeft', ...AXIS }} />
        <ReferenceLine segment={[{ x: 0, y: 0 }, { x: 1, y: 1 }]} stroke={PALETTE.grey} strokeDasharray="4 4" />
        <Tooltip formatter={text} cursor={false} />
        {before && <Scatter name="Before the temperature" data={before.calibration.curve} fill="#fff" stroke={PALETTE.orange} isAnimationActive={false} />}
        <Scatter name="Groups of patients" data={points} fill={PALETTE.blue} isAnimationActive={false}>
          <ErrorBar dataKey="error" direction="y" width={4} stroke={PALETTE.blue} />
        </Scatter>
      </ScatterChart>
    </Chart>
  );
}

export function NetBenefitChart({ metrics }: { metrics: Metrics }) {
  const { thresholds, model, treat_all } = metrics.net_benefit;
  const rows = thresholds.map((threshold, index) => ({ threshold, model: model[index], all: treat_all[index] }));
  const prevalence = metrics.positives / metrics.n;
  return (
    <Chart
      square
      label="Decision curve: net benefit of the model against treating all and treating none"
      caption="Useful where the model's line lies above both others."
    >
      <LineChart data={rows} margin={margin}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis {...unit} dataKey="threshold" label={{ value: 'Threshold probability', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis
          type="number"
          domain={[-0.1, Math.max(0.1, prevalence * 1.15)]}
          allowDataOverflow
          tick={AXIS}
          tickFormatter={(value: number) => figure(value, 2)}
          width={52}
          label={{ value: 'Net benefit', angle: -90, position: 'insideLeft', ...AXIS }}
        />
        <ReferenceLine y={0} stroke={PALETTE.grey} strokeDasharray="2 3" />
        <Tooltip formatter={text} />
        <Legend verticalAlign="top" iconType="plainline" />
        <Line name="Model" dataKey="model" stroke={PALETTE.blue} strokeWidth={2} dot={false} isAnimationActive={false} />
        <Line name="Treat all" dataKey="all" stroke={PALETTE.orange} strokeDasharray="6 3" dot={false} isAnimationActive={false} />
      </LineChart>
    </Chart>
  );
}

export function LossChart({ history, epochs }: { history: readonly { epoch: number; loss: number | null }[]; epochs?: number }) {
  const last = history.at(-1);
  return (
    <Chart height={220} label={`Training loss by epoch${last ? `; ${figure(last.loss)} after epoch ${last.epoch}` : ''}`}>
      <LineChart data={[...history]} margin={margin}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis
          type="number"
          dataKey="epoch"
          domain={[1, Math.max(epochs ?? 1, last?.epoch ?? 1, 2)]}
          allowDecimals={false}
          tick={AXIS}
          label={{ value: 'Epoch', position: 'bottom', offset: 4, ...AXIS }}
        />
        <YAxis tick={AXIS} width={52} domain={[0, 'auto']} label={{ value: 'Training loss', angle: -90, position: 'insideLeft', ...AXIS }} />
        <Tooltip formatter={text} />
        <Line name="Loss" dataKey="loss" stroke={PALETTE.blue} strokeWidth={2} dot={history.length < 40} isAnimationActive={false} connectNulls />
      </LineChart>
    </Chart>
  );
}
