import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type RunRow = Schemas['RunRowOut'];
export type Run = Schemas['RunOut'];
export type RunPart = Schemas['RunPartOut'];
export type Progress = RunRow['progress'];
export type Prediction = Schemas['PredictionOut'];
export type Cell = Prediction['cell'];
export type RunPatient = Schemas['RunPatientOut'];
export type Saliency = Schemas['SaliencyOut'];
export type Paper = Schemas['PaperOut'];
export type Published = Schemas['PublishedOut'];
export type LabelSetOption = Schemas['LabelSetOut'];
export type Recipes = Schemas['RecipesOut'];
export type Trust = Schemas['TrustOut'];
export type RunPair = Schemas['RunPairOut'];
export type LaunchInput = Schemas['RunInRequest'];

export const isActive = (state: string) => state === 'queued' || state === 'running';

export const runsQuery = queryOptions({
  queryKey: ['runs'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/runs/', { signal })),
  refetchInterval: (query) => (query.state.data?.some((run) => isActive(run.state)) ? 3_000 : 30_000),
});

export const runQuery = (id: number) =>
  queryOptions({
    queryKey: ['runs', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/runs/{id}/', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data && isActive(query.state.data.state) ? 2_000 : false),
  });

export const predictionsQuery = (id: number) =>
  queryOptions({
    queryKey: ['runs', id, 'predictions'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/runs/{id}/predictions/', { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });

/** The run's own log, or that of one of its folds. */
export const logQuery = (id: number, part?: string) =>
  queryOptions({
    queryKey: ['runs', id, 'log', part ?? ''],
    queryFn: ({ signal }) => unwrap(api.GET('/api/runs/{id}/log/', { params: { path: { id }, query: { part } }, signal })),
  });

export const runPatientQuery = (id: number, pseudonym: string, method?: Saliency['method']) =>
  queryOptions({
    queryKey: ['runs', id, 'patients', pseudonym, method],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/runs/{id}/patients/{pseudonym}/', {
          params: { path: { id, pseudonym }, query: { method } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });

export const trustQuery = (id: number) =>
  queryOptions({
    queryKey: ['runs', id, 'trust'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/runs/{id}/trust/', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (isActive(query.state.data?.job?.state ?? '') ? 2_000 : false),
  });

export const pairsQuery = (ids: readonly number[]) =>
  queryOptions({
    queryKey: ['run-pairs', ...ids],
    queryFn: ({ signal }) => unwrap(api.GET('/api/run-pairs/', { params: { query: { ids: ids.join(',') } }, signal })),
    staleTime: Infinity,
  });

export const paperQuery = queryOptions({
  queryKey: ['paper'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/paper/', { signal })),
  staleTime: Infinity,
});

export const checkPublished = (table: Record<string, unknown>) => unwrap(api.POST('/api/paper/check/', { body: { table } }));

export const recipesQuery = queryOptions({
  queryKey: ['recipes'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/recipes/', { signal })),
  staleTime: Infinity,
});

export const launchSetsQuery = queryOptions({
  queryKey: ['label-sets'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/label-sets/', { signal })),
});

export function useLaunch() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: LaunchInput) => unwrap(api.POST('/api/runs/', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}

export function useCancel() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => unwrap(api.POST('/api/runs/{id}/cancel/', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}

export function useRetry() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => unwrap(api.POST('/api/runs/{id}/retry/', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}

export function useMakeTrust(id: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST('/api/runs/{id}/trust/', { params: { path: { id } } })),
    // The patients' pages say whether the maps were tested.
    onSuccess: () => client.removeQueries({ queryKey: ['runs', id, 'patients'] }),
    onSettled: () => client.invalidateQueries({ queryKey: trustQuery(id).queryKey }),
  });
}
