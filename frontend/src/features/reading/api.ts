import { queryOptions } from '@tanstack/react-query';

import type { Content } from '@/components/scoring/rubric';
import { api, unwrap } from '@/lib/api-client';
import type { Measurement } from '@/viewer';
import type { components } from '@/types/api';

export type ReadingCase = components['schemas']['CaseOut'];

export interface DraftBody {
  content: Content;
  measurements: Measurement[];
}

export type Categories = Record<string, string | null>;

export const caseQuery = (code: string) =>
  queryOptions({
    queryKey: ['reading', 'case', code],
    queryFn: ({ signal }) => unwrap(api.GET('/api/reading/cases/{code}/', { params: { path: { code } }, signal })),
    // What the reader enters lives in the draft keeper: a refetch must not race it, and an old copy
    // must not be edited.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

export async function saveDraft(code: string, revision: number, body: DraftBody, activeSeconds: number, keepalive: boolean) {
  const saved = await unwrap(
    api.PUT('/api/reading/cases/{code}/draft/', {
      params: { path: { code } },
      body: { revision, ...body, active_seconds: activeSeconds },
      keepalive,
    }),
  );
  return { revision: saved.revision, extra: saved.categories as Categories };
}

export function signReading(code: string, body: { revision: number; password: string; meaning: string }) {
  return unwrap(api.POST('/api/reading/cases/{code}/sign/', { params: { path: { code } }, body }));
}

export function amendReading(code: string, reason: string) {
  return unwrap(api.POST('/api/reading/cases/{code}/amend/', { params: { path: { code } }, body: { reason } }));
}
