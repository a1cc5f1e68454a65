import { Alert, Anchor, Badge, Grid, Group, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { CartesianGrid, Legend, Line, LineChart, ReferenceLine, Tooltip, XAxis, YAxis } from 'recharts';
import { Link, useParams } from 'react-router';

import { DataTable } from '@/components/data-table';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { Stat } from '@/components/stat';
import { duration, figure, interval, percent, pValue, words } from '@/lib/format';
import { PALETTE } from '@/lib/palette';

import { predictionsQuery, type Trust, trustQuery } from './api';
import { AXIS, Chart, UNIT_TICKS } from './chart';
import { Gallery } from './gallery';
import { kindName, KINDS, type MapKind } from './map-methods';
import { TrustJob } from './trust-job';

type Report = NonNullable<Trust['report']>;
type MapTests = Report['maps'][MapKind];

export function TrustPage() {
  const { id = '' } = useParams();
  const trust = useQuery(trustQuery(Number(id)));
  return (
    <>
      <Anchor component={Link} to={`/runs/${id}`} size="sm">← Run {id}</Anchor>
      <QueryView query={trust}>{(data) => <TrustView run={Number(id)} trust={data} />}</QueryView>
    </>
  );
}

function TrustView({ run, trust }: { run: number; trust: Trust }) {
  const predictions = useQuery(predictionsQuery(run));
  const { report } = trust;
  const validated = KINDS.filter(({ value }) => trust.maps[value].validated);
  const tested = predictions.data?.filter((row) => row.split === 'test') ?? [];
  return (
    <>
      <PageHeader
        title={`Run ${run}: may its maps be believed?`}
        description={report ? `Tested on ${report.patients.length} test patients in ${duration(report.seconds)}.` : undefined}
      />
      <Stack>
        <Alert
          color={trust.validated ? 'teal' : 'yellow'}
          variant="light"
          icon={trust.validated ? <IconShieldCheck aria-hidden /> : <IconAlertTriangle aria-hidden />}
          title={validated.length === 0 ? 'Not validated for localisation' : trust.validated ? 'The maps follow the network' : `Of the maps, only ${validated[0]?.label} follows the network`}
        >
          <Text size="sm">{trust.statement.replace(/^Not validated for localisation: /, '')}</Text>
        </Alert>
        <TrustJob run={run} trust={trust} />
        {report && <Tests report={report} first={trust.default_map} />}
        <Gallery run={run} rows={tested} trust={trust} />
      </Stack>
    </>
  );
}

function Verdict({ passed }: { passed: boolean }) {
  return <Badge miw="max-content" variant={passed ? 'light' : 'filled'} color={passed ? 'teal' : '#a63c00'}>{passed ? 'passed' : 'failed'}</Badge>;
}

/** The tests of one kind of map at a time; the verdicts on both stay in view. */
function Tests({ report, first }: { report: Report; first: MapKind }) {
  const [chosen, setChosen] = useState<MapKind>();
  const kind = chosen ?? first;
  const tests = report.maps[kind];
  const { exactness, randomisation, energy, occlusion } = tests;
  return (
    <>
      <Group gap="md">
        <SegmentedControl aria-label="Tests of" data={[...KINDS]} value={kind} onChange={setChosen} />
        <Group gap="md" role="group" aria-label="Verdicts">
          {KINDS.map(({ value, label }) => (
            <Group key={value} gap={6}><Text size="sm">{label}</Text><Verdict passed={report.maps[value].validated} /></Group>
          ))}
        </Group>
        <Text size="sm" c="dimmed">Shown: {kindName(kind)}, maps of {tests.grain.join(' × ')} cells.</Text>
      </Group>
      <Panel title="Randomisation" hint="The network is started anew from its output down. A map that is then still as like itself as the maps of two patients are does not come from what was learned." actions={<Verdict passed={randomisation.passed} />}>
        <Randomisation tests={tests} />
      </Panel>
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Panel title="Deletion" hint="The logit of the answer given as cells are blurred, the map’s strongest first. It should fall faster than in random order." h="100%" actions={<Verdict passed={tests.deletion.passed} />}>
            <Curve name="Deletion" curve={tests.deletion} axis="Cells blurred" />
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Panel title="Insertion" hint="The same, from the blurred image back. It should rise faster than in random order." h="100%" actions={<Verdict passed={tests.insertion.passed} />}>
            <Curve name="Insertion" curve={tests.insertion} axis="Cells restored" />
          </Panel>
        </Grid.Col>
      </Grid>
      <SimpleGrid cols={{ base: 1, md: 3 }}>
        <Panel title="Exactness" actions={exactness && <Verdict passed={exactness.passed} />}>
          <Text size="sm">
            {exactness
              ? `GradCAM equals HiResCAM at layer4 to ${exactness.hirescam.toExponential(1)}; map and bias sum to the logit to ${exactness.sum.toExponential(1)}.`
              : 'GradCAM’s alone: LayerCAM’s cells do not sum to the logit.'}
          </Text>
        </Panel>
        <Panel title="Against occlusion" actions={<Verdict passed={occlusion.passed} />}>
          <Stat label="Rank correlation of cells" value={figure(occlusion.mean, 2)} hint={`95 % CI ${interval(occlusion.low, occlusion.high, 2)}, ${occlusion.n} patients`} />
        </Panel>
        <Panel title="Outside the patient" actions={energy.alarm ? <Badge miw="max-content" color="#a63c00">above 20 %</Badge> : <Badge miw="max-content" variant="light" color="teal">20 % or less</Badge>}>
          <Text size="sm">
            {energy.n
              ? `${percent(energy.air, 1)} of the map lies in air (${percent(energy.air_area, 1)} of the area), ${percent(energy.padding, 1)} in padding (${percent(energy.padding_area, 1)}).`
              : 'Every map of the answers given is empty.'}
          </Text>
        </Panel>
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Panel title="Other networks" hint="Mean likeness to maps of the same patients by other networks.">
          <Others tests={tests} />
        </Panel>
        <Panel title="Pointing game" hint={report.pointing ? `How often a map’s peak falls into ${report.pointing.region}: ${percent(report.pointing.area, 1)} of the area.` : undefined}>
          {report.pointing ? <Pointing pointing={report.pointing} kind={kind} /> : <Text size="sm">Only phantoms have known masks; these are patients.</Text>}
        </Panel>
      </SimpleGrid>
    </>
  );
}

function Randomisation({ tests }: { tests: MapTests }) {
  const { baseline, stages } = tests.randomisation;
  const rows = [{ stage: 'trained', spearman: 1, ssim: 1 }, ...stages];
  const last = stages.at(-1);
  const caption = `Size of the likeness, whatever its sign. Dashed: maps of two patients with the same answer (${baseline.pairs} pairs), Spearman ${figure(baseline.spearman, 2)}, SSIM ${figure(baseline.ssim, 2)}. Fully randomised: ${figure(last?.spearman, 2)} and ${figure(last?.ssim, 2)}, mean of ${last?.networks ?? 0} networks; the upper ends ${figure(last?.spearman_high, 2)} and ${figure(last?.ssim_high, 2)} of their one-sided 95 % intervals must lie below.`;
  return (
    <Chart label={`Likeness to the trained network's maps as it is randomised. ${caption}`} height={250} caption={caption}>
      <LineChart data={rows} margin={{ top: 8, right: 12, bottom: 24, left: 4 }}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis dataKey="stage" tick={AXIS} label={{ value: 'Randomised down to', position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis domain={[0, 1]} ticks={UNIT_TICKS} tick={AXIS} width={48} />
        <ReferenceLine y={baseline.spearman ?? undefined} stroke={PALETTE.blue} strokeDasharray="4 4" />
        <ReferenceLine y={baseline.ssim ?? undefined} stroke={PALETTE.orange} strokeDasharray="4 4" />
        <Tooltip formatter={(value) => (typeof value === 'number' ? figure(value, 2) : String(value))} />
        <Legend verticalAlign="top" iconType="plainline" />
        <Line name="Spearman" dataKey="spearman" stroke={PALETTE.blue} strokeWidth={2} isAnimationActive={false} />
        <Line name="SSIM" dataKey="ssim" stroke={PALETTE.orange} strokeWidth={2} strokeDasharray="8 3" isAnimationActive={false} />
      </LineChart>
    </Chart>
  );
}

function Curve({ name, curve, axis }: { name: string; curve: MapTests['deletion']; axis: string }) {
  const rows = curve.share.map((share, index) => ({ share, map: curve.map[index], random: curve.random[index] }));
  const caption = `Mean gain over random order ${figure(curve.gain, 3)} logit units, one-sided Wilcoxon p ${pValue(curve.p)}.`;
  return (
    <Chart label={`${name} curve. ${caption}`} height={230} caption={caption}>
      <LineChart data={rows} margin={{ top: 8, right: 12, bottom: 24, left: 4 }}>
        <CartesianGrid stroke="#e5e7eb" />
        <XAxis type="number" dataKey="share" domain={[0, 1]} ticks={UNIT_TICKS} tickFormatter={(value: number) => percent(value)} tick={AXIS} label={{ value: axis, position: 'bottom', offset: 4, ...AXIS }} />
        <YAxis tick={AXIS} width={56} domain={['auto', 'auto']} tickFormatter={(value: number) => figure(value, 2)} label={{ value: 'Logit', angle: -90, position: 'insideLeft', ...AXIS }} />
        <Tooltip formatter={(value) => (typeof value === 'number' ? figure(value) : String(value))} labelFormatter={(value) => percent(Number(value))} />
        <Legend verticalAlign="top" iconType="plainline" />
        <Line name="Order of the map" dataKey="map" stroke={PALETTE.blue} strokeWidth={2} dot={false} isAnimationActive={false} />
        <Line name="Random order" dataKey="random" stroke={PALETTE.grey} strokeWidth={2} strokeDasharray="4 4" dot={false} isAnimationActive={false} />
      </LineChart>
    </Chart>
  );
}

function shuffledVerdict({ label_shuffled: shuffled }: MapTests): string {
  if (!shuffled) return '';
  const size = `in size ${figure(shuffled.size.spearman, 2)} and ${figure(shuffled.size.ssim, 2)}`;
  return `${size}: ${shuffled.below_baseline ? 'less alike' : 'no less alike'} than two patients’ maps`;
}

/** No patient is passed off as unseen: another fold's network was trained on those whose maps are compared. */
function repeatabilityNote({ repeatability: found }: MapTests): string {
  const wanted = 'the more alike, the more repeatable';
  if (found?.between !== 'folds') return wanted;
  const seen = found.trained_on === undefined || found.trained_on === found.pairs ? 'these patients' : `${found.trained_on} of these ${found.pairs} patients`;
  return `a network of another fold, which was trained on ${seen}; ${wanted}`;
}

export function Others({ tests }: { tests: MapTests }) {
  const rows = [
    { name: 'Trained on shuffled labels', found: tests.label_shuffled, wanted: shuffledVerdict(tests) },
    { name: tests.repeatability?.between === 'folds' ? 'Another fold’s network' : 'Another seed’s network', found: tests.repeatability, wanted: repeatabilityNote(tests) },
  ];
  if (rows.every((row) => !row.found)) return <Text size="sm">Not run. <code>trust=full</code> trains a network on shuffled labels and one from another seed.</Text>;
  return (
    <DataTable
      caption="Likeness to other networks' maps"
      minWidth={320}
      rows={rows}
      rowKey={(row) => row.name}
      columns={[
        { key: 'name', header: 'Network', render: (row) => <>{row.name}<Text size="xs" c="dimmed">{row.wanted}</Text></> },
        { key: 'spearman', header: 'Spearman', numeric: true, render: (row) => (row.found ? figure(row.found.spearman, 2) : 'not run') },
        { key: 'ssim', header: 'SSIM', numeric: true, render: (row) => (row.found ? figure(row.found.ssim, 2) : '') },
      ]}
    />
  );
}

const MAPS: Record<string, string> = { layercam: 'This network’s LayerCAM', gradcam: 'This network’s GradCAM', centre: 'The middle of the image', edges: 'Edges of the image', random: 'Random maps' };

function Pointing({ pointing, kind }: { pointing: NonNullable<Report['pointing']>; kind: MapKind }) {
  const prior = pointing.against_priors[kind];
  return (
    <>
      <DataTable
        caption="Pointing game"
        minWidth={320}
        rows={pointing.rows}
        rowKey={(row) => row.map}
        highlight={(row) => row.map === kind}
        columns={[
          { key: 'map', header: 'Map', render: (row) => MAPS[row.map] ?? words(row.map) },
          { key: 'hits', header: 'Hits', numeric: true, render: (row) => `${row.hits} / ${row.n}` },
          { key: 'ci', header: 'Wilson 95 %', numeric: true, render: (row) => interval(row.wilson[0], row.wilson[1], 2) },
          { key: 'energy', header: 'Energy inside', numeric: true, render: (row) => percent(row.energy, 1) },
        ]}
      />
      <Text size="xs" c="dimmed" mt={4}>
        {kindName(kind)} {prior.beats ? 'hits more often than' : 'does not clearly hit more often than'} the best map that knows nothing of the network, {(MAPS[prior.best] ?? words(prior.best)).toLowerCase()}: {prior.only_map} against {prior.only_best} of the phantoms that only one hits, exact one-sided McNemar p {pValue(prior.p)}.
      </Text>
    </>
  );
}
