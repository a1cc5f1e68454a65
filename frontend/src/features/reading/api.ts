import { queryOptions } from '@tanstack/react-query';

import type { Content } from '@/components/scoring/rubric';
import { api, patience, unwrap } from '@/lib/api-client';
import type { Measurement } from '@/viewer';
import type { components } from '@/types/api';

type Phantom = components['schemas']['PhantomOut'];
/** A case of the study; or a phantom, whose truth comes with the signature. */
export type ReadingCase = components['schemas']['CaseOut'] & Partial<Pick<Phantom, 'purpose' | 'feedback'>>;
export type Feedback = NonNullable<Phantom['feedback']>;

export interface DraftBody {
  content: Content;
  measurements: Measurement[];
}

export type Categories = Record<string, string | null>;

interface Signature {
  revision: number;
  password: string;
  meaning: string;
  /** Since the last save. */
  active_seconds: number;
}

/** With the seconds since the last save. */
type Draft = DraftBody & { revision: number; active_seconds: number };

/** Where the cases of a reading room come from and go to: the study, or the phantoms. */
export interface ReadSource {
  /** Of the case's address on the server, without its code. */
  from: string;
  /** Of its page here. */
  room: string;
  home: { to: string; label: string };
  open: (code: string, signal: AbortSignal) => Promise<ReadingCase>;
  save: (code: string, body: Draft, keepalive: boolean) => Promise<{ revision: number; categories: Categories }>;
  sign: (code: string, body: Signature) => Promise<{ next: string | null }>;
}

const at = (code: string) => ({ params: { path: { code } } });

export const STUDY: ReadSource = {
  from: '/api/reading/cases',
  room: '/read',
  home: { to: '/', label: 'Worklist' },
  open: (code, signal) => unwrap(api.GET('/api/reading/cases/{code}/', { ...at(code), signal })),
  save: (code, body, keepalive) => unwrap(api.PUT('/api/reading/cases/{code}/draft/', { ...at(code), ...patience(), body, keepalive })),
  sign: (code, body) => unwrap(api.POST('/api/reading/cases/{code}/sign/', { ...at(code), ...patience(), body })),
};

export const PHANTOMS: ReadSource = {
  from: '/api/qualification/reads',
  room: '/training',
  home: { to: '/training', label: 'Training' },
  open: (code, signal) => unwrap(api.GET('/api/qualification/reads/{code}/', { ...at(code), signal })),
  save: (code, body, keepalive) => unwrap(api.PUT('/api/qualification/reads/{code}/draft/', { ...at(code), ...patience(), body, keepalive })),
  sign: (code, body) => unwrap(api.POST('/api/qualification/reads/{code}/sign/', { ...at(code), ...patience(), body })),
};

export const caseQuery = (code: string, source: ReadSource) =>
  queryOptions({
    queryKey: ['reading', 'case', code],
    queryFn: ({ signal }) => source.open(code, signal),
    // What the reader enters lives in the draft keeper, which takes over what is newer and keeps what is not
    // sent yet: asking again is safe, and done on purpose only. An old copy must not be edited.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

/** How many of the reader's own cases are signed. Not the worklist's query: that never shows a list from before. */
export const progressQuery = queryOptions({
  queryKey: ['reading', 'progress'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/reading/worklist/', { signal }))).progress,
  staleTime: 0,
});

export async function saveDraft(source: ReadSource, code: string, revision: number, body: DraftBody, activeSeconds: number, keepalive: boolean) {
  const saved = await source.save(code, { revision, ...body, active_seconds: activeSeconds }, keepalive);
  return { revision: saved.revision, extra: saved.categories };
}

export function amendReading(code: string, reason: string) {
  return unwrap(api.POST('/api/reading/cases/{code}/amend/', { params: { path: { code } }, body: { reason } }));
}
