import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type Own = Schemas['OwnQualificationOut'];
export type Overview = Schemas['QualificationOverviewOut'];
export type Result = Schemas['FindingResultOut'];

export const ownQuery = queryOptions({
  queryKey: ['qualification', 'own'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/qualification/', { signal })),
  staleTime: 0,
});

export const overviewQuery = queryOptions({
  queryKey: ['qualification', 'overview'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/qualification/overview/', { signal })),
  staleTime: 0,
});

function useQualifying<Given, Got>(act: (given: Given) => Promise<Got>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => client.invalidateQueries({ queryKey: ['qualification'] }) });
}

export const useStartAttempt = () => useQualifying(() => unwrap(api.POST('/api/qualification/attempts/')));

export const useStartTraining = () =>
  useQualifying((id: number) => unwrap(api.POST('/api/qualification/training/{id}/', { params: { path: { id } } })));

export const useMakeCases = () =>
  useQualifying((body: Schemas['MakeCasesInRequest']) => unwrap(api.POST('/api/qualification/cases/', { body })));
