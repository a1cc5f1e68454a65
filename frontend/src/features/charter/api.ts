import { queryOptions } from '@tanstack/react-query';

import { untyped } from '@/lib/untyped';

export interface Charter { version: number; terms: Record<string, unknown>; hash: string; reason: string; frozen_by: string | null; frozen_at: string }
export interface CharterOverview { current: Charter | null; proposed: Record<string, unknown>; history: Charter[] }

export const charterQuery = queryOptions({
  queryKey: ['charter'],
  queryFn: () => untyped<CharterOverview>('GET', '/api/charter/'),
});
