import { keepPreviousData, queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';

export interface AuditFilter {
  actor?: string;
  verb?: string;
  object_type?: string;
  object_id?: string;
  limit: number;
  offset: number;
}

export const auditQuery = (filter: AuditFilter) => queryOptions({
  queryKey: ['audit', filter],
  queryFn: ({ signal }) => unwrap(api.GET('/api/audit/', { params: { query: filter }, signal })),
  placeholderData: keepPreviousData,
});
