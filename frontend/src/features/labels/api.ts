import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import { untyped } from '@/lib/untyped';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type Label = Schemas['LabelOut'];
export type LabelDetail = Schemas['LabelDetailOut'];
export type LabelReading = Schemas['LabelReadingDetailOut'];
export interface LabelSet {
  id: number; hash: string; name: string; charter_version: number; patients: number; positives: number;
  frozen_by: string | null; frozen_at: string;
}
export interface LabelSetDetail extends LabelSet {
  study: string; phantom: boolean; intermediate_policy: string;
  counts: { provenance: Record<string, number>; baseline_category: Record<string, number>; follow_up_category: Record<string, number>; site: Record<string, number> };
  rows: { patient: string; outcome: number; baseline_category: string; follow_up_category: string; provenance: string; follow_up_years: number }[];
}

export const labelsQuery = (filter: { limit: number; offset: number; how?: string; search?: string }) => queryOptions({
  queryKey: ['labels', filter],
  queryFn: ({ signal }) => unwrap(api.GET('/api/labels/', { params: { query: filter }, signal })),
  placeholderData: keepPreviousData,
});

export const labelQuery = (id: number) => queryOptions({
  queryKey: ['labels', 'one', id],
  queryFn: ({ signal }) => unwrap(api.GET('/api/labels/{id}/', { params: { path: { id } }, signal })),
  staleTime: Infinity, // never changes
});

export const labelSetsQuery = queryOptions({
  queryKey: ['label-sets'],
  queryFn: () => untyped<LabelSet[]>('GET', '/api/label-sets/'),
});
export const labelSetQuery = (id: number) => queryOptions({
  queryKey: ['label-sets', id],
  queryFn: () => untyped<LabelSetDetail>('GET', `/api/label-sets/${id}/`),
});
export function useFreeze() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => untyped<{ label_set: LabelSet; run: { id: number } | null }>('POST', '/api/label-sets/', {}, { name }),
    onSuccess: () => Promise.all([
      client.invalidateQueries({ queryKey: ['label-sets'] }),
      client.invalidateQueries({ queryKey: ['runs'] }),
    ]),
  });
}
