import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import type { components } from '@/types/api';

export type CharterOverview = components['schemas']['CharterPageOut'];

export const charterQuery = queryOptions({
  queryKey: ['charter'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/charter/', { signal })),
});
