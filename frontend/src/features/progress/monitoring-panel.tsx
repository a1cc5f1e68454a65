import { Alert, SimpleGrid, Stack, Text } from '@mantine/core';
import { Bar, BarChart, CartesianGrid, ErrorBar, Legend, Line, LineChart, ReferenceLine, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';

import { AXIS, Chart } from '@/components/chart';
import { CsvLink } from '@/components/csv-link';
import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { DASH, duration, figure, interval, percent, plural, pValue } from '@/lib/format';
import { PALETTE, SERIES } from '@/lib/palette';

import type { Monitoring } from './api';
import { cusumPoints, indexBars, timePoints } from './monitoring';

const share = (value: unknown) => (typeof value === 'number' ? percent(value, 1) : String(value));

export function MonitoringPanels({ monitoring }: { monitoring: Monitoring }) {
  return (
    <Stack>
      <Disputes monitoring={monitoring} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Drift drift={monitoring.drift} />
        <Times times={monitoring.times} />
      </SimpleGrid>
    </Stack>
  );
}

function Disputes({ monitoring }: { monitoring: Monitoring }) {
  const { adjudication_rate: rate, disagreement, tie_breaker: bias } = monitoring;
  const bars = indexBars(disagreement);
  return (
    <Panel
      title="Disputes and how they are settled"
      hint="Disagreement index: cases in which the neurosurgeon gave another category than the reader ÷ all cases the reader read (Raunig 2021)."
      actions={<><CsvLink name="disagreement" label="the disagreement index" /><CsvLink name="tie-breaker" label="the tie-breaker’s bias" /></>}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <Stat
            label="Adjudication rate"
            value={percent(rate.value, 1)}
            hint={rate.n ? `${rate.k} of ${rate.n} cases; 95 % CI ${percent(rate.low, 1)} to ${percent(rate.high, 1)}` : 'No case has two signed reads yet'}
          />
          <Stat
            label="Control scans the neurosurgeon changed"
            value={percent(bias.changed.value, 1)}
            hint={bias.changed.n ? `${bias.changed.k} of ${bias.changed.n}: ${bias.more_severe} more severe, ${bias.less_severe} less` : 'No control case is signed yet'}
          />
          <Stat
            label="Leaning, in steps of the category"
            value={figure(bias.shift.value, 3)}
            hint={bias.changed.n ? `${bias.shift.low === null ? 'Too few patients for an interval' : `95 % CI ${interval(bias.shift.low, bias.shift.high)}`}${bias.p === null ? '' : `; sign test p ${pValue(bias.p)}`}. Above 0: more severe than both observers` : DASH}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <DataTable
            caption="Disagreement index by reader"
            rows={disagreement}
            rowKey={(row) => row.reader}
            empty="Appears once both observers have signed the same case."
            columns={[
              { key: 'reader', header: 'Reader', render: (row) => row.reader },
              { key: 'read', header: 'Read', numeric: true, render: (row) => row.index.n },
              { key: 'adjudicated', header: 'Adjudicated', numeric: true, render: (row) => row.adjudicated },
              { key: 'lost', header: 'Disagreed', numeric: true, render: (row) => row.index.k },
              { key: 'index', header: 'Index', numeric: true, render: (row) => <IndexCell index={row.index} /> },
              { key: 'p', header: 'p', numeric: true, render: (row) => pValue(row.p) },
            ]}
          />
          {bars.length > 0 && (
            <Chart height={200} label={`Disagreement index: ${bars.map((bar) => `${bar.reader} ${percent(bar.value, 1)}`).join(', ')}`} caption="Bars: index; lines: 95 % interval. p: sign test that the neurosurgeon sides with either reader equally often.">
              <BarChart data={bars} margin={{ top: 8, right: 12, bottom: 4, left: 4 }}>
                <CartesianGrid stroke="#e5e7eb" vertical={false} />
                <XAxis dataKey="reader" tick={AXIS} />
                <YAxis tickFormatter={share} tick={AXIS} width={56} />
                <Tooltip formatter={share} cursor={false} />
                <Bar dataKey="value" name="Index" fill={PALETTE.blue} maxBarSize={64} isAnimationActive={false}>
                  <ErrorBar dataKey="error" width={6} stroke={PALETTE.ink} />
                </Bar>
              </BarChart>
            </Chart>
          )}
        </SimpleGrid>
      </Stack>
    </Panel>
  );
}

function IndexCell({ index }: { index: Monitoring['disagreement'][number]['index'] }) {
  return (
    <>
      {percent(index.value, 1)}
      <Text span display="block" size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{percent(index.low, 1)} to {percent(index.high, 1)}</Text>
    </>
  );
}

function Drift({ drift }: { drift: Monitoring['drift'] }) {
  const points = cusumPoints(drift);
  const limit = drift[0]?.threshold;
  const alarms = drift.filter((row) => row.points.some((point) => point.alarm));
  return (
    <Panel title="Drift" hint="CUSUM over re-reads and qualification cases: each one whose category differs from the reader’s own first read, or from the phantom’s truth, raises the sum." actions={<CsvLink name="drift" label="drift" />}>
      {alarms.map((row) => (
        <Alert key={row.reader} color="orange" variant="light" mb="sm" p="xs">
          {row.reader}: the sum crossed the limit. Their checked reads have been wrong more often than {percent(row.expected)} of the time; look at the cases and speak with the reader.
        </Alert>
      ))}
      {points.length === 0 || limit === undefined ? (
        <Text size="sm" c="dimmed">No re-read and no qualification case is signed yet. Re-reads come back after the wash-out that the charter sets.</Text>
      ) : (
        <Chart
          height={240}
          label={`CUSUM of ${drift.map((row) => `${row.reader}: ${row.points.length} checked reads, sum now ${figure(row.points.at(-1)?.total, 2)}`).join('; ')}. Limit ${figure(limit, 2)}.`}
          caption={`Limit ${figure(limit, 2)}: with ${percent(drift[0]?.expected)} wrong reads, at least 200 pass on average before a false alarm; it is built to find ${percent(drift[0]?.unacceptable)}.`}
        >
          <LineChart data={points} margin={{ top: 8, right: 12, bottom: 20, left: 4 }}>
            <CartesianGrid stroke="#e5e7eb" />
            <XAxis dataKey="number" type="number" domain={[1, 'dataMax']} allowDecimals={false} tick={AXIS} label={{ value: 'Checked read', position: 'bottom', offset: 2, ...AXIS }} />
            <YAxis domain={[0, Math.ceil(limit) + 1]} tick={AXIS} width={40} />
            <ReferenceLine y={limit} stroke={PALETTE.orange} strokeDasharray="4 4" label={{ value: 'limit', position: 'insideTopRight', ...AXIS }} />
            <Tooltip formatter={(value) => (typeof value === 'number' ? figure(value, 2) : String(value))} />
            <Legend verticalAlign="top" height={24} />
            {drift.map((row, index) => (
              <Line key={row.reader} dataKey={row.reader} stroke={SERIES[index % SERIES.length]} strokeWidth={2} dot={{ r: 3 }} isAnimationActive={false} />
            ))}
          </LineChart>
        </Chart>
      )}
    </Panel>
  );
}

function Times({ times }: { times: Monitoring['times'] }) {
  return (
    <Panel title="Reading time" hint="Active seconds of each signed read, idle time removed; for monitoring only." actions={<CsvLink name="reading-times" label="reading times" />}>
      {times.length === 0 ? (
        <Text size="sm" c="dimmed">No read is signed yet.</Text>
      ) : (
        <Chart
          height={240}
          label={times.map((row) => `${row.reader}: median ${duration(row.median)} over ${plural(row.n, 'read')}`).join('; ')}
          caption={times.map((row) => `${row.reader}: median ${duration(row.median)} (quartiles ${duration(row.q1)} to ${duration(row.q3)})`).join(' · ')}
        >
          <ScatterChart margin={{ top: 8, right: 12, bottom: 20, left: 4 }}>
            <CartesianGrid stroke="#e5e7eb" />
            <XAxis dataKey="number" type="number" name="Read" allowDecimals={false} tick={AXIS} label={{ value: 'Read, in order of signing', position: 'bottom', offset: 2, ...AXIS }} />
            <YAxis dataKey="seconds" type="number" name="Seconds" tick={AXIS} width={48} unit=" s" />
            <Tooltip cursor={false} />
            <Legend verticalAlign="top" height={24} />
            {times.map((row, index) => (
              <Scatter key={row.reader} name={row.reader} data={timePoints(row)} fill={SERIES[index % SERIES.length]} shape={(['circle', 'triangle', 'square'] as const)[index % 3]} isAnimationActive={false} />
            ))}
          </ScatterChart>
        </Chart>
      )}
    </Panel>
  );
}
