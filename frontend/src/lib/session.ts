import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import type { components } from '@/types/api';

import { purgeViewer } from '@/viewer';

import { api, unwrap } from './api-client';
import { closeDrafts } from './live-drafts';

export type User = components['schemas']['UserOut'];
export type Role = 'observer' | 'adjudicator' | 'lead';

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/auth/me/', { signal })),
  staleTime: 5 * 60_000,
});

/** The signed-in person; null before login. Only below the router's guard. */
export function useUser(): User | null {
  return useQuery(meQuery).data?.user ?? null;
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { username: string; password: string }) => unwrap(api.POST('/api/auth/login/', { body })),
    onSuccess: (me) => {
      closeDrafts(); // a session that ran out: nothing of it is sent as the next person
      client.clear(); // whatever an earlier person at this desk had loaded
      client.setQueryData(meQuery.queryKey, me);
    },
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST('/api/auth/logout/')),
    // Drafts that the server does not have stay in the browser, for their reader alone. Without the server's
    // answer nobody is signed out: whoever loads the page next would be this person.
    onSuccess: () => {
      closeDrafts();
      purgeViewer();
      client.clear();
      client.setQueryData(meQuery.queryKey, { user: null });
    },
  });
}
