import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

import type { Transport } from './send-files';

type Schemas = components['schemas'];
export type Flow = Schemas['FlowOut'];
export type FlowStep = Schemas['FlowStepOut'];
export type DiagramBox = Schemas['DiagramBoxOut'];
export type DiagramLine = Schemas['DiagramLineOut'];
export type Criteria = Schemas['CriteriaOut'];
export type ChartReview = Schemas['ChartReviewOut'];
export type RecentReview = Schemas['RecentReviewOut'];
export type Decision = Schemas['ChartReviewInRequest']['decision'];
export type TableOne = Schemas['TableOneOut'];
export type TableOneBy = TableOne['by'];
export type Patient = Schemas['PatientOut'];
export type PatientDetail = Schemas['PatientDetailOut'];
export type Series = Schemas['SeriesOut'];
export type Quarantined = Schemas['QuarantinedOut'];
export type DeidentifiedStudy = Schemas['DeidentifiedStudyOut'];
export type IngestResult = Schemas['IngestResultOut'];

/** Of the patients page: who left at a step, who got there, why, and by name. */
export interface PatientFilter {
  step?: string;
  reached?: string;
  reason?: string;
  site?: string;
  search?: string;
  /** Of a delivery of tables. */
  delivery?: number;
  limit: number;
  offset: number;
}

/** The whole flow, with the figure of one site. */
export const flowOf = (site?: string) =>
  queryOptions({
    queryKey: ['cohort', 'flow', site ?? null],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/flow/', { params: { query: { site } }, signal })),
  });
export const flowQuery = flowOf();

export const criteriaQuery = queryOptions({
  queryKey: ['cohort', 'criteria'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/criteria/', { signal })),
});

export const tableOneQuery = (by: TableOneBy) =>
  queryOptions({
    queryKey: ['cohort', 'table-one', by],
    queryFn: ({ signal }) => unwrap(api.GET('/api/table-one/', { params: { query: { by } }, signal })),
    placeholderData: keepPreviousData,
  });

/** Whose chart waits: past one patient, or at one if it waits. */
export interface QueuePlace {
  after?: string;
  at?: string;
}

export const reviewQueueQuery = (place: QueuePlace = {}) =>
  queryOptions({
    queryKey: ['cohort', 'chart-review', place],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/chart-review/', { params: { query: place }, signal })),
    placeholderData: keepPreviousData,
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

export const deidentificationQuery = (pseudonym: string) =>
  queryOptions({
    queryKey: ['cohort', 'deidentification', pseudonym],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/cohort/patients/{pseudonym}/deidentification/', { params: { path: { pseudonym } }, signal })),
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

// ---- uploads

export type Upload = Schemas['UploadOut'];

export const uploadsQuery = queryOptions({
  queryKey: ['cohort', 'uploads'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/uploads/', { signal })),
});

export const uploadQuery = (code: string) =>
  queryOptions({
    queryKey: ['cohort', 'uploads', code],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/uploads/{code}/', { params: { path: { code } }, signal })),
    refetchInterval: ({ state }) => (state.data?.state === 'queued' || state.data?.state === 'running' ? 1000 : false),
  });

export const uploadResultsQuery = (code: string, live: boolean) =>
  queryOptions({
    queryKey: ['cohort', 'uploads', code, 'results'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/uploads/{code}/results/', { params: { path: { code } }, signal })),
    refetchInterval: live ? 2000 : false,
  });

export const openUpload = () => unwrap(api.POST('/api/cohort/uploads/'));

export const finishUpload = (code: string, leaveOut: boolean) =>
  unwrap(api.POST('/api/cohort/uploads/{code}/finish/', { params: { path: { code } }, body: { leave_out: leaveOut } }));

export const cancelUpload = (code: string) =>
  unwrap(api.POST('/api/cohort/uploads/{code}/cancel/', { params: { path: { code } } }));

export function uploadTransport(code: string): Transport {
  return {
    offer: (files) =>
      unwrap(api.POST('/api/cohort/uploads/{code}/files/', { params: { path: { code } }, body: { files } })),
    put: async (key, offset, piece, signal) => {
      const { received } = await unwrap(
        api.PUT('/api/cohort/uploads/{code}/files/{key}', {
          params: { path: { code, key }, query: { offset } },
          headers: { 'Content-Type': 'application/octet-stream' },
          body: piece as unknown as string,
          bodySerializer: () => piece,
          signal,
        }),
      );
      return received;
    },
  };
}

// ---- machines

export type ReceivedSeries = Schemas['ReceivedSeriesOut'];

export const receivedQuery = (offset: number, limit: number) =>
  queryOptions({
    queryKey: ['cohort', 'received', offset],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/received/', { params: { query: { offset, limit } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });

// ---- pulls

export type Pull = Schemas['PullOut'];
export type PullItem = Schemas['PullItemOut'];
export type PacsNode = Schemas['NodeOut'];

export const nodesQuery = queryOptions({
  queryKey: ['cohort', 'nodes'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/nodes/', { signal })),
});

export const pullsQuery = queryOptions({
  queryKey: ['cohort', 'pulls'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/pulls/', { signal })),
  refetchInterval: ({ state }) => (state.data?.some((pull) => !pull.finished_at) ? 2000 : false),
});

export const pullItemsQuery = (id: number, offset: number, limit: number, live: boolean) =>
  queryOptions({
    // An ended pull is asked once more: its last lines changed after the last look.
    queryKey: ['cohort', 'pulls', id, 'items', offset, live],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/cohort/pulls/{id}/items/', {
          params: { path: { id }, query: { open: true, offset, limit } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: live ? 4000 : false,
  });

export const checkNode = (name: string) =>
  unwrap(api.POST('/api/cohort/nodes/{name}/check/', { params: { path: { name } } }));

export function useCancelPull() {
  return useCohortChange((id: number) => unwrap(api.POST('/api/cohort/pulls/{id}/cancel/', { params: { path: { id } } })));
}

export function useRestoreScanRule(pseudonym: string) {
  return useCohortChange((body: Schemas['ScanRuleInRequest']) =>
    unwrap(api.POST('/api/cohort/patients/{pseudonym}/scan-pair/restore-rule/', { params: { path: { pseudonym } }, body })),
  );
}

export function useDecideChart() {
  return useCohortChange(({ pseudonym, ...body }: { pseudonym: string } & Schemas['ChartReviewInRequest']) =>
    unwrap(api.POST('/api/cohort/patients/{pseudonym}/chart-review/', { params: { path: { pseudonym } }, body })),
  );
}

export function useTakeBackDecision() {
  return useCohortChange(({ id, reason }: { id: number; reason: string }) =>
    unwrap(api.POST('/api/cohort/chart-review/{id}/take-back/', { params: { path: { id } }, body: { reason } })),
  );
}
