import { Button, Group, Progress, Stack, Text } from '@mantine/core';
import { IconFolderUp } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useDropzone } from 'react-dropzone';

import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { plural } from '@/lib/format';
import { upload } from '@/lib/upload';

import type { IngestReport, IngestResult } from './api';
import { batches, parcelOf } from './dicom-batches';
import { IngestResults } from './ingest-results';

interface Sending {
  files: number;
  /** Share of all bytes that have left. */
  share: number;
  /** Everything has left; the server reads, checks and stores. */
  waiting: boolean;
}

export function DicomUpload() {
  const client = useQueryClient();
  const [sending, setSending] = useState<Sending | null>(null);
  const [results, setResults] = useState<IngestResult[]>([]);
  const [error, setError] = useState<unknown>(null);
  const abort = useRef<AbortController | null>(null);
  const folderInput = useRef<HTMLInputElement>(null);

  async function send(files: readonly File[]) {
    if (files.length === 0) return;
    const requests = batches(files.map(parcelOf));
    const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
    const controller = new AbortController();
    abort.current = controller;
    setError(null);
    setResults([]);
    setSending({ files: files.length, share: 0, waiting: false });
    let done = 0;
    try {
      for (const request of requests) {
        const size = request.reduce((sum, { file }) => sum + file.size, 0);
        const body = new FormData();
        for (const { file, path } of request) body.append('files', file, path);
        const report = await upload<IngestReport>('/api/cohort/dicom/', body, {
          signal: controller.signal,
          onProgress: (share) =>
            setSending({ files: files.length, share: (done + share * size) / total, waiting: share >= 1 }),
        });
        done += size;
        setResults((current) => [...current, ...report.results]);
      }
    } catch (cause) {
      setError(cause);
    } finally {
      setSending(null);
      void client.invalidateQueries({ queryKey: ['cohort'] });
    }
  }

  const { getRootProps, getInputProps, isDragActive, open } = useDropzone({
    noClick: true,
    noKeyboard: true,
    disabled: sending !== null,
    onDrop: (files) => void send(files),
  });

  return (
    <Panel
      title="Images (DICOM)"
      hint="Files, whole folders or zip archives. Identities are removed before anything is stored; a series is taken whole or not at all."
    >
      <Stack>
        <Stack
          {...getRootProps()}
          align="center"
          gap="xs"
          p="lg"
          style={{ border: `2px dashed ${isDragActive ? '#22608a' : '#9aa5b1'}`, borderRadius: 6, background: isDragActive ? '#eef4f9' : undefined }}
        >
          <input {...getInputProps({ 'aria-label': 'DICOM files or zip archives' })} />
          <input
            ref={folderInput}
            type="file"
            multiple
            hidden
            aria-label="DICOM folder"
            {...{ webkitdirectory: '' }}
            onChange={(event) => {
              void send([...(event.currentTarget.files ?? [])]);
              event.currentTarget.value = '';
            }}
          />
          <IconFolderUp size={28} stroke={1.5} aria-hidden />
          <Text size="sm">Drop files, folders or a zip here</Text>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" onClick={open} disabled={sending !== null}>Choose files</Button>
            <Button size="compact-sm" variant="default" onClick={() => folderInput.current?.click()} disabled={sending !== null}>
              Choose a folder
            </Button>
          </Group>
        </Stack>
        {sending && (
          <div>
            <Group justify="space-between" mb={4}>
              <Text size="sm" aria-live="polite">
                {sending.waiting ? 'Sent. Reading, checking and storing' : `Sending ${plural(sending.files, 'file')}`} · {Math.floor(100 * sending.share)} %
              </Text>
              <Button size="compact-xs" variant="subtle" onClick={() => abort.current?.abort()}>Stop</Button>
            </Group>
            <Progress value={100 * sending.share} animated={sending.waiting} aria-label="Upload" />
          </div>
        )}
        {error != null && (
          <ErrorNotice
            error={error}
            title={results.length ? 'Not everything was sent; the series listed below are kept' : 'Nothing was stored'}
          />
        )}
        {results.length > 0 && <IngestResults results={results} />}
      </Stack>
    </Panel>
  );
}
