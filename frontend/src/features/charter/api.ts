import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type CharterOverview = Schemas['CharterPageOut'];
export type Terms = CharterOverview['proposed'];
export type CharterCheck = Schemas['CharterCheckOut'];
type TermValue = Terms[keyof Terms];

export const charterQuery = queryOptions({
  queryKey: ['charter'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/charter/', { signal })),
});

/** What the changed terms would mean; nothing is kept by asking. */
export const checkQuery = (changes: Partial<Terms>) => queryOptions({
  queryKey: ['charter', 'check', changes],
  queryFn: ({ signal }) => unwrap(api.POST('/api/charter/check/', { body: { terms: changes }, signal })),
  placeholderData: keepPreviousData,
});

export function useFreezeCharter() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { terms: Record<string, TermValue>; reason: string }) => unwrap(api.POST('/api/charter/', { body })),
    onSettled: () => Promise.all(['charter', 'cohort', 'audit'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
