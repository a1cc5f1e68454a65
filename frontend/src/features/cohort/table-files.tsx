import { Anchor, Button, FileInput, Group, Progress, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconFileSpreadsheet, IconFolderOpen } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useDropzone } from 'react-dropzone';

import { ErrorNotice } from '@/components/error-notice';
import { QueryView } from '@/components/query-view';
import { percent } from '@/lib/format';

import { fileColumnsQuery, type Kind, KINDS, type Named, OMOP, type TableImport, useSendTables } from './import-api';

const ABOUT: Record<Kind, string> = {
  patients: 'One row a patient. Needed before the others.',
  diagnoses: 'One row a coded diagnosis: ICD-9 or ICD-10.',
  exams: 'One row an imaging exam.',
  chart_review: 'One row a decision on a chart.',
};

/** Which of the four a dropped file is, by its name. */
export function kindOf(name: string): Named | undefined {
  const plain = name.toLowerCase().replaceAll(/[-\s]/g, '_').replace('imaging_occ', 'image_occ');
  return OMOP.find((table) => plain.startsWith(`${table}.`)) ?? KINDS.find((kind) => plain.includes(kind));
}

/** Choose or drop up to four files, then have them checked. */
export function TableFiles({ onSent }: { onSent: (job: TableImport) => void }) {
  const [files, setFiles] = useState<Partial<Record<Named, File>>>({});
  const [share, setShare] = useState(0);
  const abort = useRef<AbortController | null>(null);
  const folder = useRef<HTMLInputElement>(null);
  const send = useSendTables();

  function take(dropped: readonly File[]) {
    const known: Partial<Record<Named, File>> = {};
    const unknown: string[] = [];
    for (const file of dropped) {
      const kind = /\.(csv|txt|tsv)$/i.test(file.name) ? kindOf(file.name) : undefined;
      if (kind) known[kind] = file;
      else unknown.push(file.name);
    }
    // An OMOP export stands for all four.
    setFiles((current) => (known.person ? known : { ...current, ...known }));
    send.reset();
    if (unknown.length) {
      notifications.show({
        color: 'orange',
        title: unknown.length === 1 ? 'One file was not taken' : `${unknown.length} files were not taken`,
        message: `${unknown.slice(0, 3).join(', ')}${unknown.length > 3 ? ' …' : ''}: the name says neither patients, diagnoses, exams nor chart_review. Choose it in its field.`,
      });
    }
  }

  const { getRootProps, getInputProps, isDragActive, open } = useDropzone({
    noClick: true,
    noKeyboard: true,
    disabled: send.isPending,
    onDrop: take,
  });
  const chosen = Object.values(files).some(Boolean);
  const omop = OMOP.filter((table) => files[table]);

  function check() {
    abort.current = new AbortController();
    setShare(0);
    send.mutate({ files, signal: abort.current.signal, onProgress: setShare }, { onSuccess: onSent });
  }

  return (
    <Stack>
      <Stack
        {...getRootProps()}
        gap="sm"
        p="md"
        style={{ border: `2px dashed ${isDragActive ? '#22608a' : '#9aa5b1'}`, borderRadius: 6, background: isDragActive ? '#eef4f9' : undefined }}
      >
        <input {...getInputProps({ 'aria-label': 'CSV files' })} />
        <input
          ref={folder}
          type="file"
          multiple
          hidden
          aria-label="CSV folder"
          {...{ webkitdirectory: '' }}
          onChange={(event) => {
            take([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = '';
          }}
        />
        <Group justify="space-between">
          <Text size="sm">Drop the export here – its files or its folder. Any of the four, in one delivery or several, or an OMOP export with its person table.</Text>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" onClick={open}>Choose files</Button>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconFolderOpen size={14} aria-hidden />}
              onClick={() => folder.current?.click()}
            >
              Choose a folder
            </Button>
          </Group>
        </Group>
        {omop.length > 0 && (
          <Group justify="space-between">
            <Text size="sm"><b>OMOP export:</b> {omop.join(', ')}</Text>
            <Button size="compact-sm" variant="default" onClick={() => setFiles({})}>Remove</Button>
          </Group>
        )}
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {omop.length === 0 && KINDS.map((kind) => (
            <FileInput
              key={kind}
              label={`${kind}.csv`}
              description={ABOUT[kind]}
              placeholder="Not chosen"
              accept=".csv,.txt,.tsv,text/csv"
              clearable
              clearButtonProps={{ 'aria-label': `Remove ${kind}.csv` }}
              leftSection={<IconFileSpreadsheet size={16} aria-hidden />}
              value={files[kind] ?? null}
              onChange={(file) => {
                setFiles((current) => ({ ...current, [kind]: file ?? undefined }));
                send.reset();
              }}
            />
          ))}
        </SimpleGrid>
      </Stack>
      <Group>
        <Button disabled={!chosen} loading={send.isPending} onClick={check}>Check the files</Button>
        {send.isPending && <Button variant="default" onClick={() => abort.current?.abort()}>Stop</Button>}
        <Text size="xs" c="dimmed" aria-live="polite">
          {send.isPending
            ? share < 1 ? `Sending: ${percent(share)}` : 'Sent; they are being read.'
            : 'Checking reads everything and stores nothing. You decide after that.'}
        </Text>
      </Group>
      {send.isPending && <Progress value={100 * share} aria-label="Share that has been sent" />}
      {send.isError && !(send.error instanceof DOMException) && <ErrorNotice error={send.error} title="The files were not read" />}
      <Templates />
    </Stack>
  );
}

function Templates() {
  const columns = useQuery(fileColumnsQuery);
  return (
    <details>
      <summary>Templates and columns</summary>
      <Text size="xs" c="dimmed" my="xs">
        Any encoding and delimiter will do, and other headers and spellings can be given their meaning after the
        check. Empty means unknown. Further columns are kept as notes, unless they may identify a person.
      </Text>
      <QueryView query={columns}>
        {(files) => (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            {files.map((file) => (
              <div key={file.kind}>
                <Anchor size="sm" href={`/api/cohort/imports/templates/${file.kind}.csv`} download>{file.kind}.csv – download the template</Anchor>
                <Table fz="xs" verticalSpacing={2} aria-label={`Columns of ${file.kind}.csv`}>
                  <Table.Tbody>
                    {file.columns.map((column) => (
                      <Table.Tr key={column.name}>
                        <Table.Th scope="row" w={130} style={{ verticalAlign: 'top' }}>{column.name}{column.required && ' *'}</Table.Th>
                        <Table.Td>{column.meaning}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            ))}
          </SimpleGrid>
        )}
      </QueryView>
      <Text size="xs" c="dimmed">* needed in every row</Text>
    </details>
  );
}
