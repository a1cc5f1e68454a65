import { Button, FileInput, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconFileSpreadsheet } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useDropzone } from 'react-dropzone';

import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { upload } from '@/lib/upload';

import type { ImportReport } from './api';
import { ImportReportView } from './import-report';

const KINDS = [
  { key: 'patients', columns: 'patient_id, site, sex, birth_date, ra_diagnosis_date, rf, anti_ccp, infliximab, other_biologic' },
  { key: 'diagnoses', columns: 'patient_id, system, code, date' },
  { key: 'exams', columns: 'patient_id, exam_id, date, modality, body_part, sagittal_t2' },
  { key: 'chart_review', columns: 'patient_id, decision, note, date' },
] as const;

type Kind = (typeof KINDS)[number]['key'];
type Files = Partial<Record<Kind, File>>;

/** Which of the four a dropped file is, by its name. */
export function kindOf(name: string): Kind | undefined {
  const plain = name.toLowerCase().replaceAll(/[-\s]/g, '_');
  return KINDS.find(({ key }) => plain.includes(key))?.key;
}

export function CsvImport() {
  const [files, setFiles] = useState<Files>({});
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: (commit: boolean) => {
      const body = new FormData();
      for (const [kind, file] of Object.entries(files)) if (file) body.append(kind, file, file.name);
      body.append('commit', String(commit));
      return upload<ImportReport>('/api/cohort/imports/', body);
    },
    onSuccess: (report) => {
      if (!report.committed) return;
      notifications.show({ message: 'The rows without errors are imported.', color: 'teal' });
      void client.invalidateQueries({ queryKey: ['cohort'] });
    },
  });
  const choose = (next: Files) => {
    setFiles((current) => ({ ...current, ...next }));
    send.reset(); // a preview of other files would mislead
  };
  const { getRootProps, isDragActive } = useDropzone({
    noClick: true,
    noKeyboard: true,
    onDrop: (dropped) => {
      const unknown = dropped.filter((file) => !kindOf(file.name)).map((file) => file.name);
      const known: Files = {};
      for (const file of dropped) {
        const kind = kindOf(file.name);
        if (kind) known[kind] = file;
      }
      choose(known);
      if (unknown.length) {
        notifications.show({
          color: 'orange',
          title: 'Not taken',
          message: `${unknown.join(', ')}: the name says neither patients, diagnoses, exams nor chart_review. Choose its field below.`,
        });
      }
    },
  });
  const chosen = Object.values(files).some(Boolean);
  const report = send.data;
  const importable = report ? Object.values(report.summary).reduce((sum, row) => sum + row.new + row.changed, 0) : 0;

  return (
    <Panel
      title="Tables (CSV)"
      hint="UTF-8 with a header row, ISO dates, empty for unknown. Any of the four, in one delivery or several; drop them here together."
      style={isDragActive ? { outline: '2px dashed #22608a' } : undefined}
    >
      <div {...getRootProps()}>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {KINDS.map(({ key, columns }) => (
              <FileInput
                key={key}
                label={`${key}.csv`}
                description={columns}
                placeholder="Choose a file"
                accept=".csv,text/csv"
                clearable
                clearButtonProps={{ 'aria-label': `Remove ${key}.csv` }}
                leftSection={<IconFileSpreadsheet size={16} aria-hidden />}
                value={files[key] ?? null}
                onChange={(file) => choose({ [key]: file ?? undefined })}
              />
            ))}
          </SimpleGrid>
          <Group>
            <Button
              variant={report ? 'default' : 'filled'}
              disabled={!chosen}
              loading={send.isPending && send.variables === false}
              onClick={() => send.mutate(false)}
            >
              Preview
            </Button>
            <Button
              disabled={!report || report.committed || importable === 0}
              loading={send.isPending && send.variables === true}
              onClick={() => send.mutate(true)}
            >
              Import
            </Button>
            <Text size="xs" c="dimmed" aria-live="polite">
              {!report && 'The preview reads everything and stores nothing.'}
              {report && !report.committed && importable > 0 && 'Nothing is stored yet. Rows with errors will be left out.'}
              {report && !report.committed && importable === 0 && 'There is nothing new to import.'}
            </Text>
          </Group>
          {send.isError && <ErrorNotice error={send.error} title="The files were not read" />}
          {report && <ImportReportView report={report} />}
        </Stack>
      </div>
    </Panel>
  );
}
