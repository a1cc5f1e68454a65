import { Anchor, Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { CartesianGrid, ErrorBar, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { DASH, figure, interval, pValue } from '@/lib/format';
import { PALETTE } from '@/lib/palette';

import { isActive, pairsQuery, type Run, type RunRow, runsQuery, useLaunch } from './api';
import { alike, basisOf } from './aucs';
import { AXIS, Chart } from './chart';
import { pairsOf } from './result';
import { RunStateBadge } from './run-state';
import { overridesFor, setting, siblings } from './siblings';

const SOURCES = [
  ['final', 'Final labels'],
  ['reader_1', 'Observer 1 alone'],
  ['reader_2', 'Observer 2 alone'],
] as const;
const SHARES = [0.25, 0.5, 0.75, 1] as const;

interface Option {
  value: string | number;
  name: string;
}

/** Runs that differ from this one in one setting, with a button for those that are missing. */
function useVariants(run: Run, key: string, options: readonly Option[]) {
  const all = useQuery(runsQuery);
  const launch = useLaunch();
  const found = siblings(run, all.data ?? [], key);
  const rows = options.map((option) => ({ ...option, run: found.get(option.value) }));
  const missing = rows.filter((row) => !row.run);
  const launchMissing = async () => {
    for (const row of missing) {
      await launch.mutateAsync({
        label_set: run.label_set,
        profile: run.profile as 'paper' | 'recommended',
        overrides: overridesFor(run, key, row.value),
      });
    }
  };
  return { rows, missing, launch, launchMissing, ready: all.data !== undefined };
}

function LaunchMissing({ variants }: { variants: ReturnType<typeof useVariants> }) {
  const { missing, launch, launchMissing, ready } = variants;
  if (!ready || missing.length === 0) return null;
  return (
    <Button size="xs" variant="default" loading={launch.isPending} onClick={() => void launchMissing().catch(() => undefined)}>
      {missing.length === 1 ? 'Launch the missing run' : `Launch the ${missing.length} missing runs`}
    </Button>
  );
}

const state = (run: RunRow | undefined) => (run && isActive(run.state) ? <RunStateBadge state={run.state} /> : DASH);

export function AdjudicationPanel({ run }: { run: Run }) {
  const variants = useVariants(run, 'label_source', SOURCES.map(([value, name]) => ({ value, name })));
  const done = variants.rows.flatMap((row) => (row.run?.state === 'succeeded' ? [row.run.id] : []));
  const final = variants.rows[0]?.run?.id;
  const pairs = useQuery({ ...pairsQuery(done), enabled: done.length > 1 });
  const aucs = alike(variants.rows.map((row) => row.run));
  const against = (id: number | undefined) =>
    pairs.data?.find((pair) => (pair.first === final && pair.second === id) || (pair.second === final && pair.first === id));
  return (
    <Panel
      title="What adjudication buys"
      hint={`The same recipe, seed and split, trained on one observer’s own labels or on the final ones; all tested on the final ones. ${pairsOf(run.result?.readers?.people)}`}
      actions={<LaunchMissing variants={variants} />}
    >
      {variants.launch.isError && <ErrorNotice error={variants.launch.error} title="Not launched" />}
      <DataTable
        caption="The same recipe trained on different labels"
        rows={variants.rows}
        rowKey={(row) => row.value}
        highlight={(row) => row.run?.id === run.id}
        columns={[
          { key: 'name', header: 'Trained on', render: (row) => row.name },
          { key: 'run', header: 'Run', render: (row) => (row.run ? <Anchor component={Link} to={`/runs/${row.run.id}`} size="sm">Run {row.run.id}</Anchor> : 'not launched') },
          {
            key: 'auc',
            header: aucs.within ? 'AUC within folds (95 % CI)' : 'AUC (95 % CI)',
            numeric: true,
            render: (row) => {
              const auc = aucs.of(row.run);
              return auc ? `${figure(auc.value)} (${interval(auc.low, auc.high, 2)})` : state(row.run);
            },
          },
          {
            key: 'difference',
            header: 'Final labels better by',
            numeric: true,
            render: (row) => {
              const pair = row.value === 'final' ? undefined : against(row.run?.id);
              if (!pair?.auc) return DASH;
              const sign = pair.first === final ? 1 : -1;
              const [low, high] = [pair.auc.low, pair.auc.high].map((bound) => (bound === null ? null : sign * bound)).sort((a, b) => (a ?? 0) - (b ?? 0));
              return <>{`${figure(sign * pair.auc.difference)} (${interval(low, high, 2)})`}<Text size="xs" c="dimmed">{basisOf(pair)}</Text></>;
            },
          },
          { key: 'p', header: 'Paired DeLong p', numeric: true, render: (row) => { const pair = row.value === 'final' ? undefined : against(row.run?.id); return pair?.auc ? pValue(pair.auc.p) : DASH; } },
        ]}
      />
    </Panel>
  );
}

/** AUC against the number of training patients: whether more of them would help. */
export function LearningCurve({ run }: { run: Run }) {
  const variants = useVariants(run, 'train_share', SHARES.map((value) => ({ value, name: `${100 * value} %` })));
  const patients = run.result?.split.train_patients;
  const own = Number(setting(run.recipe, 'train_share'));
  const aucs = alike(variants.rows.map((row) => row.run));
  const points = variants.rows.flatMap(({ value, run: other }) => {
    const auc = aucs.of(other);
    const at = patients ? Math.round((patients * Number(value)) / own) : 100 * Number(value);
    return auc ? [{ patients: at, auc: auc.value, error: [auc.value - auc.low, auc.high - auc.value] }] : [];
  });
  const waiting = variants.rows.filter((row) => row.run && isActive(row.run.state)).length;
  const unit = patients ? 'Training patients' : 'Share of the training patients, %';
  const label = `Learning curve: ${points.map((point) => `${point.patients}: AUC ${figure(point.auc)}`).join('; ')}`;
  return (
    <Panel
      title="Learning curve"
      hint="The same recipe on a part of the training patients, each part inside the next; tested on the same patients."
      actions={<LaunchMissing variants={variants} />}
    >
      {variants.launch.isError && <ErrorNotice error={variants.launch.error} title="Not launched" />}
      {points.length < 2 ? (
        <Text size="sm" c="dimmed">{waiting ? `${waiting} run(s) under way.` : 'Takes runs on a quarter, a half and three quarters of the training patients.'}</Text>
      ) : (
        <Chart label={label} height={240} caption={`AUC on the test patients${aucs.within ? ', each ranked within its own fold,' : ''} with DeLong’s 95 % interval.`}>
          <ScatterChart margin={{ top: 8, right: 12, bottom: 24, left: 4 }}>
            <CartesianGrid stroke="#e5e7eb" />
            <XAxis type="number" dataKey="patients" name={unit} domain={[0, 'auto']} tick={AXIS} label={{ value: unit, position: 'bottom', offset: 4, ...AXIS }} />
            <YAxis type="number" dataKey="auc" name="AUC" domain={[0, 1]} tick={AXIS} width={48} label={{ value: 'AUC', angle: -90, position: 'insideLeft', ...AXIS }} />
            <Tooltip formatter={(value) => (typeof value === 'number' ? figure(value) : String(value))} cursor={false} />
            <Scatter name="Runs" data={points} fill={PALETTE.blue} line={{ stroke: PALETTE.blue }} isAnimationActive={false}>
              <ErrorBar dataKey="error" direction="y" width={4} stroke={PALETTE.blue} />
            </Scatter>
          </ScatterChart>
        </Chart>
      )}
    </Panel>
  );
}
