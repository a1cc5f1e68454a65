import { keepPreviousData, queryOptions } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';

export interface AuditEvent {
  id: number; at: string; actor: string | null; verb: string; object_type: string; object_id: string; detail: unknown; hash: string;
}
export const auditQuery = (filter: { object_type?: string; verb?: string; limit: number; offset: number }) => queryOptions({
  queryKey: ['audit', filter],
  queryFn: () => untyped<{ count: number; results: AuditEvent[] }>('GET', '/api/audit/', filter),
  placeholderData: keepPreviousData,
});
