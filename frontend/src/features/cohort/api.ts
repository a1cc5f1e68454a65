import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type Flow = Schemas['FlowOut'];
export type FlowStep = Schemas['FlowStepOut'];
export type Patient = Schemas['PatientOut'];
export type PatientDetail = Schemas['PatientDetailOut'];
export type Series = Schemas['SeriesOut'];
export type Quarantined = Schemas['QuarantinedOut'];
export type IngestReport = Schemas['IngestOut'];
export type IngestResult = Schemas['IngestResultOut'];

/** Of the patients page: who left at a step, who got there, why, and by name. */
export interface PatientFilter {
  step?: string;
  reached?: string;
  reason?: string;
  search?: string;
  /** Of a delivery of tables. */
  delivery?: number;
  limit: number;
  offset: number;
}

export const flowQuery = queryOptions({
  queryKey: ['cohort', 'flow'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/flow/', { signal })),
});

export const patientsQuery = (filter: PatientFilter) =>
  queryOptions({
    queryKey: ['cohort', 'patients', filter],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/patients/', { params: { query: filter }, signal })),
    placeholderData: keepPreviousData,
  });

export const patientQuery = (pseudonym: string) =>
  queryOptions({
    queryKey: ['cohort', 'patient', pseudonym],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/cohort/patients/{pseudonym}/', { params: { path: { pseudonym } }, signal })),
  });

export const importsQuery = queryOptions({
  queryKey: ['cohort', 'imports'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/imports/', { signal })),
});

export const quarantineQuery = queryOptions({
  queryKey: ['cohort', 'quarantine'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/quarantine/', { signal })),
});

/** Anything that moves a series or a pair can move patients in the flow. */
function useCohortChange<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => client.invalidateQueries({ queryKey: ['cohort'] }) });
}

export function useReleaseSeries() {
  return useCohortChange(({ uid, reason }: { uid: string; reason: string }) =>
    unwrap(
      api.POST('/api/cohort/quarantine/{series_uid}/release/', {
        params: { path: { series_uid: uid } },
        body: { reason },
      }),
    ),
  );
}

export function useDiscardSeries() {
  return useCohortChange(({ uid }: { uid: string }) =>
    unwrap(api.POST('/api/cohort/quarantine/{series_uid}/discard/', { params: { path: { series_uid: uid } } })),
  );
}

export function useChooseScanPair(pseudonym: string) {
  return useCohortChange((body: Schemas['ScanPairInRequest']) =>
    unwrap(api.POST('/api/cohort/patients/{pseudonym}/scan-pair/', { params: { path: { pseudonym } }, body })),
  );
}
