import { Alert, Button, Group, List, Progress, Stack, Text } from '@mantine/core';
import { IconFolderUp } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useDropzone } from 'react-dropzone';

import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { dateTime, duration, plural } from '@/lib/format';

import {
  cancelUpload, finishUpload, openUpload, type Upload, uploadQuery, uploadResultsQuery, uploadsQuery, uploadTransport,
} from './api';
import { size } from './byte-size';
import { IngestResults } from './ingest-results';
import { parcelOf, sendFiles, type Sending } from './send-files';

export function DicomUpload() {
  const client = useQueryClient();
  const uploads = useQuery(uploadsQuery);
  const [sending, setSending] = useState<Sending | null>(null);
  const [code, setCode] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const abort = useRef<AbortController | null>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  // One that a lost network or a closed page left behind: the next files go on with it.
  const broken = busy ? undefined : uploads.data?.find((upload) => upload.state === 'open');
  const shown = code ?? uploads.data?.find((upload) => upload.state !== 'open')?.code ?? null;
  const refresh = () => client.invalidateQueries({ queryKey: ['cohort', 'uploads'] });

  async function send(files: readonly File[]) {
    if (files.length === 0) return;
    const controller = new AbortController();
    abort.current = controller;
    setBusy(true);
    setError(null);
    setCode(null);
    setSending(null);
    try {
      const upload = broken?.code ?? (await openUpload()).code;
      const end = await sendFiles(files.map(parcelOf), uploadTransport(upload), {
        signal: controller.signal,
        onChange: setSending,
      });
      if (end.failed.length === 0) {
        await finishUpload(upload, false);
        setCode(upload);
        setSending(null);
      }
    } catch (cause) {
      if (!controller.signal.aborted) setError(cause);
      setSending(null);
    } finally {
      setBusy(false);
      void refresh();
    }
  }

  async function act(verb: () => Promise<unknown>, then: () => void) {
    setError(null);
    try {
      await verb();
      then();
    } catch (cause) {
      setError(cause);
    }
    void refresh();
  }

  useEffect(() => {
    if (!busy) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [busy]);
  // Leaving the page stops the sending; what has arrived stays for the next time.
  useEffect(() => () => abort.current?.abort(), []);

  const { getRootProps, getInputProps, isDragActive, open } = useDropzone({
    noClick: true,
    noKeyboard: true,
    disabled: busy,
    onDrop: (files) => void send(files),
  });

  return (
    <Panel
      title="Images (DICOM)"
      hint="Files, whole folders or zip archives, in any number. A break loses nothing: choose the same folder again, and only what is missing is sent. Identities are removed before anything is stored; a series is taken whole or not at all."
    >
      <Stack>
        {broken && !sending && (
          <Broken
            upload={broken}
            onDiscard={() => void act(() => cancelUpload(broken.code), () => undefined)}
            onFinish={() => void act(() => finishUpload(broken.code, true), () => setCode(broken.code))}
          />
        )}
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
            <Button size="compact-sm" variant="default" onClick={open} disabled={busy}>Choose files</Button>
            <Button size="compact-sm" variant="default" onClick={() => folderInput.current?.click()} disabled={busy}>
              Choose a folder
            </Button>
          </Group>
        </Stack>
        {sending && <SendingView sending={sending} onStop={busy ? () => abort.current?.abort() : undefined} />}
        {error != null && <ErrorNotice error={error} title="Not done; what has arrived is kept" />}
        {shown && !sending && <Reading code={shown} />}
      </Stack>
    </Panel>
  );
}

function Broken({ upload, onDiscard, onFinish }: { upload: Upload; onDiscard: () => void; onFinish: () => void }) {
  const lacking = upload.files - upload.files_received;
  return (
    <Alert color="yellow" title={`An upload of ${dateTime(upload.created_at)} was not finished`}>
      <Text size="sm">
        {plural(upload.files_received, 'file')} of {upload.files} ({size(upload.bytes_received)} of {size(upload.bytes)}) have
        arrived. Choose the same files again to go on where it broke off.
      </Text>
      <Group gap="xs" mt="xs">
        {upload.files_received > 0 && (
          <Button size="compact-sm" variant="default" onClick={onFinish}>
            {lacking ? `Read it without the ${plural(lacking, 'missing file')}` : 'Read it now'}
          </Button>
        )}
        <Button size="compact-sm" variant="subtle" color="red" onClick={onDiscard}>Discard it</Button>
      </Group>
    </Alert>
  );
}

function SendingView({ sending, onStop }: { sending: Sending; onStop?: () => void }) {
  const share = sending.bytes ? sending.sent / sending.bytes : 1;
  const left = sending.rate > 0 ? (sending.bytes - sending.sent) / sending.rate : null;
  return (
    <div>
      <Group justify="space-between" mb={4}>
        <Text size="sm" aria-live="polite">
          {sending.waiting ? 'The server cannot be reached; trying again' : `Sending ${sending.filesSent} of ${plural(sending.files, 'file')}`}
          {' · '}{Math.floor(100 * share)} %
        </Text>
        <Group gap="sm">
          <Text size="sm" c="dimmed" className="tabular">
            {size(sending.sent)} of {size(sending.bytes)}
            {onStop && !sending.waiting && ` · ${size(sending.rate)}/s`}
            {onStop && left != null && left > 1 && ` · ${duration(left)} left`}
          </Text>
          {onStop && <Button size="compact-xs" variant="subtle" onClick={onStop}>Stop</Button>}
        </Group>
      </Group>
      <Progress value={100 * share} color={sending.waiting ? 'orange' : undefined} aria-label="Upload" />
      {sending.skipped > 0 && <Text size="xs" c="dimmed" mt={4}>{size(sending.skipped)} had arrived before and are not sent again.</Text>}
      {sending.failed.length > 0 && (
        <Alert color="red" mt="xs" title={`${plural(sending.failed.length, 'file')} could not be sent; the rest is on the server`}>
          <List size="sm">
            {sending.failed.slice(0, 20).map(({ path, reason }) => <List.Item key={path}>{path}: {reason}</List.Item>)}
          </List>
        </Alert>
      )}
    </div>
  );
}

/** What became of the files: it grows while the server reads them. */
function Reading({ code }: { code: string }) {
  const client = useQueryClient();
  const upload = useQuery(uploadQuery(code));
  const reading = upload.data?.state === 'queued' || upload.data?.state === 'running';
  const results = useQuery(uploadResultsQuery(code, reading));
  useEffect(() => {
    if (upload.data?.state === 'done') {
      void client.invalidateQueries({ queryKey: ['cohort'], predicate: ({ queryKey }) => queryKey[1] !== 'uploads' });
      void client.invalidateQueries({ queryKey: ['cohort', 'uploads', code, 'results'] });
    }
  }, [client, code, upload.data?.state]);
  if (!upload.data) return null;
  return (
    <Stack gap="xs">
      {reading && (
        <div>
          <Text size="sm" mb={4} aria-live="polite">
            {upload.data.state === 'queued' ? 'All files have arrived. Waiting for the worker.' : `Reading, checking and storing · ${plural(upload.data.done, 'result')} so far`}
          </Text>
          <Progress value={100} animated aria-label="Reading" />
        </div>
      )}
      {upload.data.error && <ErrorNotice error={new Error(upload.data.error)} title="The upload could not be read" />}
      {upload.data.state === 'done' && <Text size="sm" c="dimmed">Upload of {dateTime(upload.data.created_at)}. This list is kept for a week.</Text>}
      {results.data && results.data.length > 0 && <IngestResults results={results.data} />}
    </Stack>
  );
}
