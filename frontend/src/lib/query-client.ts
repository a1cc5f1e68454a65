import { QueryClient } from '@tanstack/react-query';

import { isUnanswered } from './errors';

/** A refusal stays a refusal; only a lost network or a failing server is worth another try. */
export function shouldRetry(failures: number, error: unknown): boolean {
  return isUnanswered(error) && failures < 2;
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: shouldRetry, staleTime: 10_000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
}
