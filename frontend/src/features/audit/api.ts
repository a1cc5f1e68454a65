import { keepPreviousData, queryOptions, useMutation } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';

export interface AuditFilter {
  actor?: string;
  verb?: string;
  object_type?: string;
  object_id?: string;
  /** Days, as YYYY-MM-DD; both included. */
  since?: string;
  until?: string;
  limit: number;
  offset: number;
}

export const auditQuery = (filter: AuditFilter) => queryOptions({
  queryKey: ['audit', filter],
  queryFn: ({ signal }) => unwrap(api.GET('/api/audit/', { params: { query: filter }, signal })),
  placeholderData: keepPreviousData,
});

export const auditChoicesQuery = queryOptions({
  queryKey: ['audit', 'choices'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/audit/choices/', { signal })),
});

/** Checks the whole chain, every signature and label, and the triggers under them. */
export function useVerifyAudit() {
  return useMutation({ mutationFn: () => unwrap(api.POST('/api/audit/verify/')) });
}
