import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';

export interface LabelReading {
  id: number; reader: string; kind: string; version: number; categories: Record<string, string>; content_hash: string; signed_at: string;
}
export interface Label {
  id: number; patient: string; scan: string; category: string; how: string; grades: Record<string, number | string | null>;
  decided_at: string; case: number; readings: LabelReading[];
}
export interface Page<T> { count: number; results: T[] }
export interface LabelSet {
  id: number; hash: string; name: string; charter_version: number; patients: number; positives: number;
  frozen_by: string | null; frozen_at: string;
}
export interface LabelSetDetail extends LabelSet {
  counts: Record<string, unknown>;
  rows: { patient: string; outcome: number; baseline_category: string; follow_up_category: string; provenance: string; follow_up_years: number }[];
}

export const labelsQuery = (filter: { limit: number; offset: number; how?: string; search?: string }) => queryOptions({
  queryKey: ['labels', filter],
  queryFn: () => untyped<Page<Label>>('GET', '/api/labels/', filter),
  placeholderData: keepPreviousData,
});
export const labelQuery = (id: number) => queryOptions({
  queryKey: ['labels', 'one', id],
  queryFn: () => untyped<Label>('GET', `/api/labels/${id}/`),
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
    mutationFn: (name: string) => untyped<{ label_set: LabelSet; run: { id: number } }>('POST', '/api/label-sets/', {}, { name }),
    onSuccess: () => Promise.all([
      client.invalidateQueries({ queryKey: ['label-sets'] }),
      client.invalidateQueries({ queryKey: ['runs'] }),
    ]),
  });
}
