import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';

import { useScans } from '@/components/scoring/use-scans';

import { useForgotten } from './ahead';

const SCANS = [{ key: 'baseline', label: 'Baseline', study_uid: '2.25.1', series_uid: '2.25.2', instances: [] }];

afterEach(() => vi.useRealTimers());

it('lets go of the headers of a case when it is left', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const client = new QueryClient();
  client.setQueryData(['reading', 'metadata', 'C1', '2.25.2'], []);
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
  const page = renderHook(
    () => {
      useScans('C1', SCANS);
      useForgotten('C1');
    },
    { wrapper },
  );
  page.unmount();
  expect(client.getQueryCache().getAll()).toEqual([]);
  // A query removed before its last user leaves is held by the timer that would have collected it.
  expect(vi.getTimerCount()).toBe(0);
});
