import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type Progress = Schemas['ProgressOut'];
export type Estimate = Schemas['IntervalOut'];
export type AgreementRow = Schemas['AgreementRowOut'];
export type Monitoring = Schemas['MonitoringOut'];
export type Agreement = Schemas['AgreementOut'];
export type Review = Schemas['ReviewOut'];
export type ReviewAction = Schemas['ReviewActionEnum'];

export const progressQuery = queryOptions({
  queryKey: ['progress'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/progress/', { signal })),
});

export const agreementQuery = queryOptions({
  queryKey: ['agreement'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/agreement/', { signal })),
  staleTime: 60_000, // bootstrapped
});

/** One comparison: all observers, a pair of them, or one with their own re-reads. */
export const agreementOf = (comparison: string) => queryOptions({
  queryKey: ['agreement', comparison],
  queryFn: ({ signal }) => unwrap(api.GET('/api/agreement/', { params: { query: { comparison } }, signal })),
  staleTime: 60_000,
});

export const monitoringQuery = queryOptions({
  queryKey: ['progress', 'monitoring'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/progress/monitoring/', { signal })),
  staleTime: 30_000,
});

export function useReplaceReader() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas['ReplaceReaderInRequest']) => unwrap(api.POST('/api/read-plan/replace/', { body })),
    onSettled: () => Promise.all(['progress', 'audit'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

export const leadReviewQuery = queryOptions({
  queryKey: ['lead-review'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/lead-review/', { signal })),
});

export function useResolveReview() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, action, reason }: { id: number; action: ReviewAction; reason: string }) =>
      unwrap(api.POST('/api/lead-review/{id}/resolve/', { params: { path: { id } }, body: { action, reason } })),
    onSettled: () =>
      Promise.all(['lead-review', 'progress', 'cohort'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

/** Gives every eligible patient to the observers; the first time it freezes the charter. */
export function useOpenReading() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST('/api/read-plan/')),
    onSettled: () =>
      Promise.all(['progress', 'charter', 'agreement'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
