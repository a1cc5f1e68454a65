import { Alert, Anchor, Group, Paper, Select, Slider, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Suspense, useMemo, useState } from 'react';
import { Link, useParams } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { PageHeader } from '@/components/page-header';
import { PageLoader } from '@/components/page-loader';
import { QueryView } from '@/components/query-view';
import { figure } from '@/lib/format';
import { buildScan, COLOUR_MAPS, type ColourMap, decodeBytes, type SaliencyOverlay, StackPair } from '@/viewer';

import { type RunPatient, runPatientQuery, seriesMetadataQuery } from './api';
import { CellLink } from './confusion-panel';
import { ColourBar } from './colour-bar';

export function RunPatientPage() {
  const { id = '', pseudonym = '' } = useParams();
  const patient = useQuery(runPatientQuery(Number(id), pseudonym));
  return (
    <>
      <Anchor component={Link} to={`/runs/${id}`} size="sm">← Run {id}</Anchor>
      <QueryView query={patient}>{(data) => <PatientView key={data.patient} run={Number(id)} patient={data} />}</QueryView>
    </>
  );
}

function PatientView({ run, patient }: { run: number; patient: RunPatient }) {
  const { saliency } = patient;
  const [shown, setShown] = useState(true);
  const [opacity, setOpacity] = useState(45);
  const [colourMap, setColourMap] = useState<ColourMap>('blue_red');
  const values = useMemo(() => decodeBytes(saliency.values), [saliency.values]);
  const overlay: SaliencyOverlay | null = shown
    ? {
        width: saliency.width,
        height: saliency.height,
        origin: saliency.origin,
        rowEnd: saliency.row_end,
        columnEnd: saliency.column_end,
        normalOffsetsMm: saliency.normal_offsets_mm,
        values,
        opacity: opacity / 100,
        colourMap,
      }
    : null;
  return (
    <>
      <PageHeader
        title={`Patient ${patient.patient}`}
        badge={<CellLink cell={patient.cell} />}
        description={`Test patient of run ${run}, baseline scan. Score ${figure(patient.score)}; ${patient.outcome ? 'developed deformity' : 'did not develop deformity'}, called ${patient.predicted ? 'positive' : 'negative'} at the stored threshold.`}
      />
      <Group align="stretch" gap="md" wrap="nowrap">
        <Paper withBorder style={{ flex: 1, minWidth: 0, height: 'calc(100vh - 190px)', minHeight: 420, overflow: 'hidden', background: '#000' }}>
          <Images seriesUid={patient.series_uid} overlay={overlay} />
        </Paper>
        <Stack w={270} gap="md" style={{ flexShrink: 0 }}>
          {!saliency.validated && (
            <Alert color="yellow" title="Not validated for localisation" p="sm">
              <Text size="xs">{saliency.statement}</Text>
            </Alert>
          )}
          {saliency.validated && saliency.statement && <Text size="xs">{saliency.statement}</Text>}
          <Switch label="Show the saliency map" checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} />
          <div>
            <Text size="sm" id="opacity">Opacity {opacity} %</Text>
            <Slider aria-labelledby="opacity" thumbLabel="Opacity" min={0} max={100} value={opacity} onChange={setOpacity} disabled={!shown} label={null} />
          </div>
          <Select
            label="Colours"
            data={COLOUR_MAPS}
            value={colourMap}
            onChange={(value) => value && setColourMap(value)}
            allowDeselect={false}
            disabled={!shown}
          />
          <ColourBar map={colourMap} />
          <Text size="xs" c="dimmed">
            {saliency.method === 'gradcam' ? 'GradCAM at the last convolutional block' : saliency.method}, scaled to this patient’s own maximum, so maps of two
            patients cannot be compared in strength. One map serves all input slices; slices outside them are shown without it.
          </Text>
          <Paper withBorder p="sm">
            <Text size="sm" fw={600}>Where the outcome comes from</Text>
            <Stack gap={2} mt={4}>
              {patient.labels.map((label, index) => (
                <Anchor key={label} component={Link} to={`/labels?label=${label}`} size="sm">
                  Final label {patient.labels.length > 1 ? `${index + 1} of ${patient.labels.length}` : ''} and its reads
                </Anchor>
              ))}
              <Anchor component={Link} to={`/cohort/patients/${patient.patient}`} size="sm">Patient in the cohort</Anchor>
            </Stack>
          </Paper>
        </Stack>
      </Group>
    </>
  );
}

function Images({ seriesUid, overlay }: { seriesUid: string; overlay: SaliencyOverlay | null }) {
  const metadata = useQuery(seriesMetadataQuery(seriesUid));
  const built = useMemo(() => {
    if (!metadata.data) return null;
    try {
      const scan = buildScan({
        key: 'baseline',
        label: 'Baseline',
        metadata: metadata.data,
        frameUrl: (sop: string) => `/api/cohort/series/${seriesUid}/instances/${sop}/frames/1`,
      });
      return { scans: [scan], error: null };
    } catch (error) {
      return { scans: null, error };
    }
  }, [metadata.data, seriesUid]);
  if (metadata.isError || built?.error) {
    return <ErrorNotice error={metadata.error ?? built?.error} title="The images cannot be shown" onRetry={() => void metadata.refetch()} />;
  }
  if (!built?.scans) return <PageLoader label="Loading images" />;
  return (
    <Suspense fallback={<PageLoader label="Starting the viewer" />}>
      <StackPair scans={built.scans} overlays={{ baseline: overlay }} />
    </Suspense>
  );
}
