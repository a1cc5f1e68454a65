import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { forgetScans, scansAhead } from '@/components/scoring/use-scans';
import { loadAhead } from '@/viewer';

import type { ReadingCase, ReadSource } from './api';

/** Longer than a case takes to read; what was not opened by then is loaded anew. */
const KEEP = 30 * 60_000;
/** The case on screen first. */
const DELAY = 600;

const aheadKey = (code: string) => ['reading', 'ahead', code] as const;

async function fetchAhead(client: QueryClient, source: ReadSource, code: string, isWanted: () => boolean): Promise<void> {
  const page = await client.fetchQuery({
    queryKey: aheadKey(code),
    queryFn: ({ signal }) => source.open(code, signal),
    staleTime: KEEP,
    gcTime: KEEP,
  });
  const scans = await scansAhead(client, code, page.scans, KEEP, source.from);
  if (isWanted()) await loadAhead(scans);
}

/**
 * Fetches the next case, headers and pixels, while this one is read. A case that cannot be had ahead is
 * simply loaded when it is opened, where its error is shown.
 */
export function useCaseAhead(source: ReadSource, next: string | null | undefined, ready: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!ready || next === undefined) return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      if (next) fetchAhead(client, source, next, () => wanted).catch(() => undefined);
      else void loadAhead([]);
    }, DELAY);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [client, next, ready, source]);
}

/** The case as it was fetched ahead, once. */
export function useFetchedAhead(code: string): ReadingCase | undefined {
  const client = useQueryClient();
  const [page] = useState(() => client.getQueryData<ReadingCase>(aheadKey(code)));
  useEffect(() => client.removeQueries({ queryKey: aheadKey(code) }), [client, code]);
  return page;
}

/**
 * Nothing of the case stays after it is left. Must come after what uses its headers: a query whose last
 * user leaves after it was removed waits, with all it holds, for as long as it was to be kept.
 */
export function useForgotten(code: string): void {
  const client = useQueryClient();
  useEffect(() => () => forgetScans(client, code), [client, code]);
}
