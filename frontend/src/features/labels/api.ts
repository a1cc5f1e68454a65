import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type Label = Schemas['LabelOut'];
export type LabelDetail = Schemas['LabelDetailOut'];
export type LabelReading = Schemas['LabelReadingDetailOut'];
export type LabelSetDetail = Schemas['LabelSetDetailOut'];

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
  queryFn: ({ signal }) => unwrap(api.GET('/api/label-sets/', { signal })),
});

export const labelSetQuery = (id: number) => queryOptions({
  queryKey: ['label-sets', id],
  queryFn: ({ signal }) => unwrap(api.GET('/api/label-sets/{id}/', { params: { path: { id } }, signal })),
  staleTime: Infinity,
});

export function useFreeze() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => unwrap(api.POST('/api/label-sets/', { body: { name } })),
    onSuccess: () =>
      Promise.all(['label-sets', 'runs'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

/** Who could see what, when: computed from records. */
export const attestationQuery = (id: number) => queryOptions({
  queryKey: ['labels', id, 'attestation'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/labels/{id}/attestation/', { params: { path: { id } }, signal })),
});
