import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';

import type { Rubric } from './rubric';

export const rubricQuery = queryOptions({
  queryKey: ['reading', 'rubric'],
  queryFn: async ({ signal }): Promise<Rubric> => (await unwrap(api.GET('/api/reading/rubric/', { signal }))) as Rubric,
  staleTime: Infinity,
});
