import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';

export const worklistQuery = queryOptions({
  queryKey: ['reading', 'worklist'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/reading/worklist/', { signal })),
  // A list from before a case was opened or signed is never shown, not even while the new one is on its way.
  gcTime: 0,
});
