import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';
import type { DicomJson } from '@/viewer';

import type { RunResult } from './result';

export type RunState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Progress {
  event?: string; stage?: string; done?: number; total?: number; repeat?: number; fold?: number; inner?: number | null;
  members?: number; members_done?: number; epoch?: number; epochs?: number; step?: number; steps?: number;
  loss?: number | null; eta_s?: number | null; device?: string; history?: { epoch: number; loss: number | null }[];
}
export interface RunRow {
  id: number; state: RunState; profile: string; recipe: Record<string, unknown>; seed: number; label_set: number;
  progress: Progress; device: string; error: string; created_at: string; started_at: string | null; finished_at: string | null;
  code_version: string; cancel_requested: boolean; created_by: string | null; auc: { value: number; low: number; high: number } | null;
}
export interface Run extends RunRow { result: RunResult | null }
export type Cell = 'TP' | 'FP' | 'TN' | 'FN';
export interface Prediction {
  patient: string; split: string; outcome: number; logit: number; score: number; threshold: number; predicted: number; cell: Cell; saliency: boolean;
}
export interface LabelSetOption { id: number; name: string; hash: string; patients: number; positives: number }
export interface Saliency {
  width: number; height: number; origin: [number, number, number]; row_end: [number, number, number]; column_end: [number, number, number];
  normal_offsets_mm: number[]; slices: number[]; values: string; method: string; peak: number; validated: boolean; statement: string;
}
export interface RunPatient {
  patient: string; score: number; threshold: number; outcome: number; predicted: number; cell: Cell; series_uid: string; labels: number[]; saliency: Saliency | null;
}
export interface Paper { title: string; source: string; figures: Record<string, number>; disputed: string[]; findings: string[] }

export const isActive = (state: string) => state === 'queued' || state === 'running';

export const runsQuery = queryOptions({
  queryKey: ['runs'],
  queryFn: () => untyped<RunRow[]>('GET', '/api/runs/'),
  refetchInterval: (query) => (query.state.data?.some((run) => isActive(run.state)) ? 3_000 : 30_000),
});
export const runQuery = (id: number) => queryOptions({
  queryKey: ['runs', id],
  queryFn: () => untyped<Run>('GET', `/api/runs/${id}/`),
  refetchInterval: (query) => (query.state.data && isActive(query.state.data.state) ? 2_000 : false),
});
export const predictionsQuery = (id: number) => queryOptions({
  queryKey: ['runs', id, 'predictions'],
  queryFn: () => untyped<Prediction[]>('GET', `/api/runs/${id}/predictions/`),
  staleTime: Infinity,
});
export const runPatientQuery = (id: number, pseudonym: string) => queryOptions({
  queryKey: ['runs', id, 'patients', pseudonym],
  queryFn: () => untyped<RunPatient>('GET', `/api/runs/${id}/patients/${pseudonym}/`),
  staleTime: Infinity,
});
export const paperQuery = queryOptions({
  queryKey: ['paper'],
  queryFn: () => untyped<Paper>('GET', '/api/paper/'),
  staleTime: Infinity,
});
export const launchSetsQuery = queryOptions({
  queryKey: ['label-sets'],
  queryFn: () => untyped<LabelSetOption[]>('GET', '/api/label-sets/'),
});
export function useLaunch() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { label_set: number; profile: string; overrides: Record<string, unknown>; seed?: number }) =>
      untyped<Run>('POST', '/api/runs/', {}, body),
    onSuccess: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}
export function useCancel() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => untyped('POST', `/api/runs/${id}/cancel/`),
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}

export const logQuery = (id: number) => queryOptions({
  queryKey: ['runs', id, 'log'],
  queryFn: () => untyped<string>('GET', `/api/runs/${id}/log/`),
});

/** The series' DICOM JSON, as the viewer wants it. */
export const seriesMetadataQuery = (uid: string) => queryOptions({
  queryKey: ['series', uid, 'metadata'],
  queryFn: () => untyped<DicomJson[]>('GET', `/api/cohort/series/${uid}/metadata/`),
  staleTime: Infinity,
});
