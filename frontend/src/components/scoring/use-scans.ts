import { type QueryClient, queryOptions, useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';

import { failure } from '@/lib/api-client';
import { ApiError, OFFLINE } from '@/lib/errors';
import { buildScan, type DicomJson, type StackScan } from '@/viewer';

/** A scan as a reader's case lists it; every UID is this reader's own. */
export interface CaseScan {
  key: string;
  label: string;
  study_uid: string;
  series_uid: string;
  instances: { sop_uid: string; index: number }[];
}

interface Loaded {
  scans: StackScan[] | null;
  error: unknown;
  retry: () => void;
}

/** Where a reader's own cases are; phantoms have another place. */
const CASES = '/api/reading/cases';

function seriesUrl(from: string, code: string, scan: CaseScan): string {
  return `${from}/${code}/wado/studies/${scan.study_uid}/series/${scan.series_uid}`;
}

async function getMetadata(from: string, code: string, scan: CaseScan, signal: AbortSignal): Promise<DicomJson[]> {
  let response: Response;
  try {
    response = await fetch(`${seriesUrl(from, code, scan)}/metadata`, {
      signal,
      credentials: 'same-origin',
      headers: { Accept: 'application/dicom+json' },
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ApiError(0, null, OFFLINE);
  }
  if (!response.ok) throw failure(response.status, await response.json().catch(() => null));
  return (await response.json()) as DicomJson[];
}

const metadataQuery = (from: string, code: string, scan: CaseScan) =>
  queryOptions({
    queryKey: ['reading', 'metadata', code, scan.series_uid],
    queryFn: ({ signal }) => getMetadata(from, code, scan, signal),
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** The case's scans for the viewer, once the headers of all of them are here. */
export function useScans(code: string, scans: CaseScan[] | undefined, from = CASES): Loaded {
  const queries = useQueries({
    queries: (scans ?? []).map((scan) => metadataQuery(from, code, scan)),
    combine: (results) => ({
      data: results.every(({ data }) => data) ? results.map(({ data }) => data) : null,
      error: results.find(({ error }) => error)?.error ?? null,
      retry: () => results.forEach((result) => void result.refetch()),
    }),
  });
  const { data } = queries;
  const built = useMemo(() => {
    if (!scans || !data || data.length !== scans.length || scans.length === 0) return { scans: null, error: null };
    try {
      return { scans: scans.map((scan, index) => toStack(from, code, scan, data[index] ?? [])), error: null };
    } catch (error) {
      return { scans: null, error };
    }
  }, [from, code, scans, data]);
  return { scans: built.scans, error: built.error ?? queries.error, retry: queries.retry };
}

function toStack(from: string, code: string, scan: CaseScan, metadata: DicomJson[]): StackScan {
  const order = [...scan.instances].sort((a, b) => a.index - b.index).map(({ sop_uid }) => sop_uid);
  const frameUrl = (sop: string) => `${seriesUrl(from, code, scan)}/instances/${sop}/frames/1`;
  return buildScan({ key: scan.key, label: scan.label, metadata, frameUrl, order });
}

/** The scans of a case that is not open yet; their headers are then here when it is opened. */
export async function scansAhead(client: QueryClient, code: string, scans: CaseScan[], keep: number, from = CASES): Promise<StackScan[]> {
  const metadata = await Promise.all(scans.map((scan) => client.fetchQuery({ ...metadataQuery(from, code, scan), gcTime: keep })));
  return scans.map((scan, index) => toStack(from, code, scan, metadata[index] ?? []));
}

/** Forgets the headers of a case that was left. */
export function forgetScans(client: QueryClient, code: string): void {
  client.removeQueries({ queryKey: ['reading', 'metadata', code] });
}
