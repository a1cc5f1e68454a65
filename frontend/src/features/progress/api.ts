import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';

export interface Progress {
  cases: Record<string, number>;
  readers: { username: string; role: string; assigned: number; draft: number; signed: number }[];
  discrepant: number; consensus_open: number; adjudication_open: number; adjudication_rate: number | null;
}
export interface Estimate { value: number | null; low: number | null; high: number | null }
export interface AgreementRow {
  scan: string; finding: string; n: number; label: string; percent_agreement: Estimate; kappa: Estimate; kappa_weighted: Estimate | null;
  ac1: Estimate; table: { labels: (string | number | null)[]; counts: number[][] }; prevalence_warning: boolean;
}
export interface Agreement { n_cases: number; by: AgreementRow[] }
export type ReviewAction = 'exclude' | 'reread' | 'dismiss';
export interface LeadReviewCase {
  case: number; patient: string; state: string; actions: ReviewAction[];
  items: { reader: string; scan: string; kind: 'unreadable' | 'exclusion_observation'; observation: string; text: string; signed_at: string }[];
}

export const progressQuery = queryOptions({
  queryKey: ['progress'],
  queryFn: () => untyped<Progress>('GET', '/api/progress/'),
});
export const agreementQuery = queryOptions({
  queryKey: ['agreement'],
  queryFn: () => untyped<Agreement>('GET', '/api/agreement/'),
});
export const leadReviewQuery = queryOptions({
  queryKey: ['lead-review'],
  queryFn: () => untyped<LeadReviewCase[]>('GET', '/api/lead-review/'),
});
export function useResolveCase() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, action, reason }: { id: number; action: ReviewAction; reason: string }) =>
      untyped('POST', `/api/lead-review/${id}/resolve/`, {}, { action, reason }),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ['lead-review'] }), client.invalidateQueries({ queryKey: ['progress'] })]),
  });
}
