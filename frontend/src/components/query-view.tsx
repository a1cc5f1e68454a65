import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { ErrorNotice } from './error-notice';
import { PageLoader } from './page-loader';

interface Props<T> {
  query: UseQueryResult<T>;
  label?: string;
  children: (data: T) => ReactNode;
}

/** What a query has: loading, what went wrong, or the data. Stale data stays on screen above an error. */
export function QueryView<T>({ query, label, children }: Props<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && (
          <ErrorNotice error={query.error} title="This may be out of date" onRetry={() => void query.refetch()} />
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <PageLoader label={label} />;
}
