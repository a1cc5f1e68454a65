import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it } from 'vitest';

import { consensusDraft, draftStore } from '@/lib/draft-store';
import { meQuery } from '@/lib/session';

import { worklistQuery } from './api';
import { WorklistPage } from './worklist-page';

beforeEach(() => localStorage.clear());

it('marks the cases and the consensus sessions of which this browser alone has something', () => {
  draftStore('anna', 'c0ffee:1').write({ revision: 1, body: {} });
  draftStore('anna', consensusDraft('beef')).write({ revision: 1, body: {} });
  draftStore('ben', 'facade:1').write({ revision: 1, body: {} });
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  client.setQueryData(meQuery.queryKey, { user: { username: 'anna' } } as never);
  client.setQueryData(worklistQuery.queryKey, {
    progress: { signed: 0, total: 2 }, next: 'c0ffee', locked: '',
    items: [{ code: 'c0ffee', position: 1, status: 'draft' }, { code: 'facade', position: 2, status: 'open' }],
    consensus: [{ code: 'beef', status: 'open' }, { code: 'bead', status: 'open' }],
  } as never);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}><MemoryRouter><WorklistPage /></MemoryRouter></QueryClientProvider>
    </MantineProvider>,
  );
  const marked = ['case-c0ffee', 'case-facade', 'consensus-beef', 'consensus-bead'].filter((row) => within(screen.getByTestId(row)).queryByTestId('unsent'));
  expect(marked).toEqual(['case-c0ffee', 'consensus-beef']);
});
