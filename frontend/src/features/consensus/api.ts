import { queryOptions } from '@tanstack/react-query';

import type { Content } from '@/components/scoring/rubric';
import { api, patience, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

export type Session = components['schemas']['ConsensusOut'];
export type Categories = Record<string, string | null>;

const at = (code: string) => ({ params: { path: { code } } });

export const sessionQuery = (code: string) =>
  queryOptions({
    queryKey: ['consensus', code],
    queryFn: ({ signal }) => unwrap(api.GET('/api/consensus/{code}/', { ...at(code), signal })),
    gcTime: 0,
    // The other observer may propose, change or close it at any moment.
    refetchInterval: 5_000,
  });

export async function saveAgreed(code: string, revision: number, content: Content, keepalive: boolean) {
  const saved = await unwrap(api.PUT('/api/consensus/{code}/draft/', { ...at(code), ...patience(), body: { revision, content }, keepalive }));
  return { revision: saved.revision, extra: saved.categories as Categories };
}

/** A signature in the consensus room, with what it was said to mean. */
interface Signature {
  password: string;
  meaning: string;
}

export const propose = (code: string, revision: number, signature: Signature) =>
  unwrap(api.POST('/api/consensus/{code}/propose/', { ...at(code), body: { revision, ...signature } }));

export const confirm = (code: string, revision: number, signature: Signature) =>
  unwrap(api.POST('/api/consensus/{code}/confirm/', { ...at(code), body: { revision, ...signature } }));

export const decline = (code: string, signature: Signature) =>
  unwrap(api.POST('/api/consensus/{code}/decline/', { ...at(code), body: signature }));
