import { Badge, SimpleGrid, Stack, Text } from '@mantine/core';

import { DataTable } from '@/components/data-table';
import { Stat } from '@/components/stat';
import { DASH } from '@/lib/format';

import type { PatientDetail } from './api';

const yesNo = (value: boolean | null | undefined) => (value == null ? DASH : value ? 'Yes' : 'No');
const years = (value: number | null) => (value == null ? DASH : `${value.toFixed(1).replace('-', '−')} y`);

/** What the record holds on a patient beside the images. */
export function ChartFacts({ patient }: { patient: PatientDetail }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm" verticalSpacing="xs">
      <Stat label="Site" value={patient.site || DASH} />
      <Stat label="Sex" value={patient.sex || DASH} />
      <Stat label="Age at baseline" value={patient.age_at_baseline?.toFixed(0) ?? DASH} />
      <Stat label="RA diagnosed before baseline" value={years(patient.disease_years)} />
      <Stat label="Rheumatoid factor" value={yesNo(patient.rf)} />
      <Stat label="Anti-CCP" value={yesNo(patient.anti_ccp)} />
      <Stat label="Infliximab" value={yesNo(patient.infliximab)} />
      <Stat label="Other biologic" value={yesNo(patient.other_biologic)} />
    </SimpleGrid>
  );
}

export function Diagnoses({ patient }: { patient: PatientDetail }) {
  return (
    <DataTable
      caption="Diagnoses"
      rows={patient.diagnoses}
      rowKey={(row) => `${row.system} ${row.code} ${row.date}`}
      empty="No diagnosis is on record."
      minWidth={260}
      maxHeight={220}
      columns={[
        { key: 'code', header: 'Code', render: (row) => `${row.system.replace('ICD', 'ICD-')} ${row.code}` },
        { key: 'date', header: 'Date (shifted)', render: (row) => row.date ?? DASH },
        {
          key: 'ra',
          header: 'On the RA list',
          render: (row) => <Badge size="sm" variant="light" color={row.rheumatoid ? 'teal' : 'gray'}>{row.rheumatoid ? 'Yes' : 'No'}</Badge>,
        },
      ]}
    />
  );
}

/** Exams in order, with the days since the first: what the interval and the follow-up rest on. */
export function ExamTimeline({ patient }: { patient: PatientDetail }) {
  const first = patient.exams[0]?.date;
  const since = (date: string) => (first ? Math.round((Date.parse(date) - Date.parse(first)) / 86_400_000) : 0);
  return (
    <DataTable
      caption="Exams"
      rows={patient.exams}
      rowKey={(row) => row.pseudonym}
      empty="No exam is on record."
      minWidth={360}
      maxHeight={260}
      columns={[
        { key: 'date', header: 'Date (shifted)', render: (row) => <Text size="sm" className="tabular" style={{ whiteSpace: 'nowrap' }}>{row.date}</Text> },
        { key: 'days', header: 'Day', numeric: true, render: (row) => since(row.date).toLocaleString('en') },
        { key: 'what', header: 'Exam', render: (row) => `${row.modality} ${row.body_part}` },
        { key: 't2', header: 'Sagittal T2 by the export', render: (row) => yesNo(row.sagittal_t2) },
        {
          key: 'series',
          header: 'Series here',
          numeric: true,
          render: (row) => (row.series.length ? `${row.series.filter((one) => one.sagittal_t2_cervical).length} of ${row.series.length} count` : DASH),
        },
      ]}
    />
  );
}

export function ExportNotes({ notes }: { notes: unknown }) {
  const lines = Object.entries((notes ?? {}) as Record<string, unknown>);
  if (lines.length === 0) return null;
  return (
    <Stack gap={2}>
      {lines.map(([column, text]) => <Text key={column} size="sm"><Text span c="dimmed">{column}: </Text>{String(text)}</Text>)}
    </Stack>
  );
}
