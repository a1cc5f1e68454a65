import { QueryClient } from '@tanstack/react-query';

import { ApiError } from './errors';

/** A refusal stays a refusal; only a lost network or a failing server is worth another try. */
export function shouldRetry(failures: number, error: unknown): boolean {
  const retriable = !(error instanceof ApiError) || error.status === 0 || error.status >= 502;
  return retriable && failures < 2;
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: shouldRetry, staleTime: 10_000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
}
