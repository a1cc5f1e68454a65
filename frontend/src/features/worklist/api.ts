import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';

export const worklistQuery = queryOptions({
  queryKey: ['reading', 'worklist'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/reading/worklist/', { signal })),
  staleTime: 0,
});
