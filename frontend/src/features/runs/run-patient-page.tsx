import { Anchor, Group, Paper, Stack, Text } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link, useParams } from 'react-router';

import { PageHeader } from '@/components/page-header';
import { QueryView } from '@/components/query-view';
import { SeriesImages } from '@/components/series-images';
import { figure } from '@/lib/format';
import { decodeBytes, type Point3, type SaliencyOverlay } from '@/viewer';

import { type RunPatient, runPatientQuery, type Saliency } from './api';
import { CellLink } from './confusion-panel';
import { type Look, SaliencyControls } from './saliency-controls';
import { SliceAttribution } from './slice-attribution';

export function RunPatientPage() {
  const { id = '', pseudonym = '' } = useParams();
  // Until one is chosen: the map of the answer that was given.
  const [method, setMethod] = useState<Saliency['method']>();
  const patient = useQuery({ ...runPatientQuery(Number(id), pseudonym, method), placeholderData: keepPreviousData });
  return (
    <>
      <Anchor component={Link} to={`/runs/${id}`} size="sm">← Run {id}</Anchor>
      <QueryView query={patient}>{(data) => <PatientView key={data.patient} run={Number(id)} patient={data} onMethod={setMethod} />}</QueryView>
    </>
  );
}

const point = ([x = 0, y = 0, z = 0]: readonly number[]): Point3 => [x, y, z];

const FILES = [['parametric_map', 'DICOM parametric map'], ['secondary_capture', 'DICOM secondary capture']] as const;

interface Props {
  run: number;
  patient: RunPatient;
  onMethod: (method: Saliency['method']) => void;
}

function PatientView({ run, patient, onMethod }: Props) {
  const { saliency } = patient;
  const [look, setLook] = useState<Look>({ shown: true, opacity: 45, colourMap: 'blue_red' });
  const values = useMemo(() => (saliency ? decodeBytes(saliency.values) : null), [saliency]);
  const overlay: SaliencyOverlay | null =
    saliency && values && look.shown
      ? {
          width: saliency.width,
          height: saliency.height,
          origin: point(saliency.origin),
          rowEnd: point(saliency.row_end),
          columnEnd: point(saliency.column_end),
          normalOffsetsMm: saliency.normal_offsets_mm,
          values,
          opacity: look.opacity / 100,
          colourMap: look.colourMap,
        }
      : null;
  return (
    <>
      <PageHeader
        title={`Patient ${patient.patient}`}
        badge={<CellLink cell={patient.cell} />}
        description={`Test patient of run ${run}, baseline scan. Score ${figure(patient.score)}, threshold ${figure(patient.threshold)}: called ${patient.predicted ? 'positive' : 'negative'}; ${patient.outcome ? 'developed deformity' : 'did not develop deformity'}.`}
      />
      <Group align="stretch" gap="md" wrap="nowrap">
        <Paper withBorder style={{ flex: 1, minWidth: 0, height: 'calc(100vh - 190px)', minHeight: 420, overflow: 'hidden', background: '#000' }}>
          <SeriesImages seriesUid={patient.series_uid} label="Baseline" scan="baseline" overlay={overlay} />
        </Paper>
        <Stack w={270} gap="md" style={{ flexShrink: 0 }}>
          {saliency ? <SaliencyControls saliency={saliency} look={look} onLook={setLook} onMethod={onMethod} /> : <Text size="sm">There is no saliency map of this patient.</Text>}
          {saliency?.explained && saliency.explained.repeats > 1 && <WhoseMap explained={saliency.explained} predicted={patient.predicted} />}
          {saliency && <SliceAttribution saliency={saliency} />}
          {saliency && (
            <Paper withBorder p="sm">
              <Text size="sm" fw={600}>Save this map</Text>
              <Stack gap={6} mt={4}>
                {FILES.map(([kind, name]) => (
                  <Anchor key={kind} href={`/api/runs/${run}/patients/${patient.patient}/map.dcm?kind=${kind}&method=${saliency.method}`} download size="sm">{name}</Anchor>
                ))}
              </Stack>
            </Paper>
          )}
          <Paper withBorder p="sm">
            <Text size="sm" fw={600}>Where the outcome comes from</Text>
            <Stack gap={6} mt={4}>
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

/** The score is of several networks, the map of one. */
function WhoseMap({ explained, predicted }: { explained: NonNullable<Saliency['explained']>; predicted: number }) {
  const own = `score ${figure(explained.score)}, threshold ${figure(explained.threshold)}: called ${explained.predicted ? 'positive' : 'negative'}`;
  return (
    <Text size="xs" c={explained.predicted === predicted ? 'dimmed' : 'orange.9'}>
      The patient’s score is the mean of {explained.repeats} repeats. Map and slices are of the first repeat’s network: {own}
      {explained.predicted === predicted ? '.' : ', unlike the mean.'}
    </Text>
  );
}
