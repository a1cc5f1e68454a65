import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';

export interface FlowStep { key: string; label: string; remaining: number; left: number; reasons: Record<string, number> }
export interface Flow { steps: FlowStep[]; sites: { site: string; steps: FlowStep[] }[] }
export interface Patient {
  pseudonym: string; site: string; sex: string; age_at_baseline: number | null; exams: number; series: number;
  leaves_at: string | null; reason: string | null; phantom: boolean;
}
export interface Series {
  series_uid: string; state: string; plane: string; weighting: string; sagittal_t2_cervical: boolean;
  recognition: unknown; rows: number; columns: number; slices: number; row_spacing: number; column_spacing: number;
  slice_spacing: number; manufacturer: string; field_strength: number | null; content_hash: string;
}
export interface Exam { pseudonym: string; date: string; modality: string; body_part: string; sagittal_t2: boolean | null; series: Series[] }
export interface PatientDetail extends Omit<Patient, 'exams'> {
  exams: Exam[];
  exclusions: { step: string; reason: string; note: string; source: string; leaving: boolean; excluded_by: string | null; excluded_at: string }[];
  chart_reviews: { decision: string; note: string; date: string | null; decided_by: string | null; decided_at: string }[];
  scan_pair: { baseline: string; follow_up: string; chosen_by: string | null; reason: string } | null;
}
export interface Page<T> { count: number; next: string | null; previous: string | null; results: T[] }
export type PatientFilter = { step?: string; reached?: string; reason?: string; search?: string; limit: number; offset: number };
export interface ImportReport {
  committed: boolean;
  summary: Record<string, { new: number; changed: number; unchanged: number; errors: number }>;
  errors: { file: string; row: number | null; column: string | null; message: string }[];
}
export interface IngestResult { outcome: 'accepted' | 'unchanged' | 'quarantined' | 'rejected'; file: string; series_uid?: string; patient?: string; slices?: number; reason: string }
export interface IngestReport { results: IngestResult[]; summary: Record<IngestResult['outcome'], number> }
export interface Quarantined extends Series { patient_pseudonym: string; quarantine_reason: string }

export const flowQuery = queryOptions({
  queryKey: ['cohort', 'flow'],
  queryFn: () => untyped<Flow>('GET', '/api/cohort/flow/'),
});

export const patientsQuery = (filter: PatientFilter) => queryOptions({
  queryKey: ['cohort', 'patients', filter],
  queryFn: () => untyped<Page<Patient>>('GET', '/api/cohort/patients/', filter),
  placeholderData: keepPreviousData,
});

export const patientQuery = (pseudonym: string) => queryOptions({
  queryKey: ['cohort', 'patient', pseudonym],
  queryFn: () => untyped<PatientDetail>('GET', `/api/cohort/patients/${pseudonym}/`),
});

export const quarantineQuery = queryOptions({
  queryKey: ['cohort', 'quarantine'],
  queryFn: () => untyped<Quarantined[]>('GET', '/api/cohort/quarantine/'),
});

export function useReleaseSeries() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ uid, reason }: { uid: string; reason: string }) => untyped('POST', `/api/cohort/quarantine/${uid}/release/`, {}, { reason }),
    onSettled: () => client.invalidateQueries({ queryKey: ['cohort'] }),
  });
}

export function useDiscardSeries() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ uid, reason }: { uid: string; reason: string }) => untyped('POST', `/api/cohort/quarantine/${uid}/discard/`, {}, { reason }),
    onSettled: () => client.invalidateQueries({ queryKey: ['cohort'] }),
  });
}
