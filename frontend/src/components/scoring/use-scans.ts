import { type QueryClient, queryOptions, useQueries, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef, useState } from 'react';

import { failure } from '@/lib/api-client';
import { ApiError, OFFLINE } from '@/lib/errors';
import { buildScan, type DicomJson, type StackScan } from '@/viewer';

/** A scan as a reader's case lists it; every UID is this reader's own. */
export interface CaseScan extends CaseSeries {
  key: string;
  label: string;
  /** More series of the scan, numbered from 1; its own is 0. */
  others?: CaseSeries[];
}

interface CaseSeries {
  study_uid: string;
  series_uid: string;
  instances: { sop_uid: string; index: number }[];
}

/** Number of the series to show, by scan key; 0 where left out. */
type ChosenSeries = Record<string, number>;

const NONE_CHOSEN: ChosenSeries = {};

/** A series that was asked for and cannot be shown. */
export interface SeriesFailure {
  scan: string;
  label: string;
  series: number;
  error: unknown;
}

interface Loaded {
  scans: StackScan[] | null;
  error: unknown;
  retry: () => void;
  /**
   * Puts another of a scan's series on screen, by its number; tells the number of the one that then is there,
   * or null where another was asked for meanwhile.
   */
  showSeries: (scan: string, series: number) => Promise<number | null>;
  failure: SeriesFailure | null;
}

/** Where a reader's own cases are; phantoms have another place. */
const CASES = '/api/reading/cases';

function seriesUrl(from: string, code: string, series: CaseSeries): string {
  return `${from}/${code}/wado/studies/${series.study_uid}/series/${series.series_uid}`;
}

async function getMetadata(from: string, code: string, scan: CaseSeries, signal: AbortSignal): Promise<DicomJson[]> {
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

const metadataQuery = (from: string, code: string, scan: CaseSeries) =>
  queryOptions({
    queryKey: ['reading', 'metadata', code, scan.series_uid],
    queryFn: ({ signal }) => getMetadata(from, code, scan, signal),
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** The case's scans for the viewer, once the headers of all of them are here. */
export function useScans(code: string, scans: CaseScan[] | undefined, from = CASES): Loaded {
  const client = useQueryClient();
  const [chosen, setChosen] = useState(NONE_CHOSEN);
  const [failure, setFailure] = useState<SeriesFailure | null>(null);
  const shown = useRef<Record<string, number>>({});
  const wanted = useRef<Record<string, number>>({});
  const queries = useQueries({
    queries: (scans ?? []).map((scan) => metadataQuery(from, code, seriesOf(scan, chosen))),
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
      return { scans: scans.map((scan, index) => toStack(from, code, scan, data[index] ?? [], chosen)), error: null };
    } catch (error) {
      return { scans: null, error };
    }
  }, [from, code, scans, data, chosen]);
  const showSeries = useCallback(
    async (key: string, series: number) => {
      const scan = scans?.find((one) => one.key === key);
      if (!scan) return null;
      const here = () => shown.current[key] ?? 0;
      wanted.current[key] = series;
      if (here() === series) return series;
      const isWanted = () => wanted.current[key] === series;
      const choice = { [key]: series };
      try {
        // The headers first, so that nothing on screen waits for them, or goes where they cannot be had.
        const metadata = await client.fetchQuery(metadataQuery(from, code, seriesOf(scan, choice)));
        if (!isWanted()) return null;
        toStack(from, code, scan, metadata, choice);
        setFailure(null);
        shown.current[key] = series;
        setChosen((now) => ({ ...now, ...choice }));
      } catch (error) {
        if (!isWanted()) return null;
        wanted.current[key] = here();
        setFailure({ scan: key, label: scan.label, series, error });
      }
      return here();
    },
    [client, code, from, scans],
  );
  return { scans: built.scans, error: built.error ?? queries.error, retry: queries.retry, showSeries, failure };
}

function seriesOf(scan: CaseScan, chosen: ChosenSeries): CaseSeries {
  const number = chosen[scan.key] ?? 0;
  return (number > 0 && scan.others?.[number - 1]) || scan;
}

function toStack(from: string, code: string, scan: CaseScan, metadata: DicomJson[], chosen = NONE_CHOSEN): StackScan {
  const series = seriesOf(scan, chosen);
  const order = [...series.instances].sort((a, b) => a.index - b.index).map(({ sop_uid }) => sop_uid);
  const frameUrl = (sop: string) => `${seriesUrl(from, code, series)}/instances/${sop}/frames/1`;
  const count = 1 + (scan.others?.length ?? 0);
  return buildScan({
    key: scan.key, label: scan.label, metadata, frameUrl, order, family: code,
    ...(count > 1 && { series: chosen[scan.key] ?? 0, seriesCount: count }),
  });
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
