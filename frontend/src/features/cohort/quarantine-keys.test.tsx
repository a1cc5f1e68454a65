import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { meQuery } from '@/lib/session';

import type { Quarantined } from './api';
import { QuarantineReview } from './quarantine-review';

vi.mock('@/components/series-images', () => ({ SeriesImages: () => null }));
const discard = vi.fn();
vi.mock('./api', () => ({
  useReleaseSeries: () => ({ mutate: vi.fn(), isPending: false, isError: false }),
  useDiscardSeries: () => ({ mutate: discard, isPending: false, isError: false }),
}));

const series = { series_uid: '1', plane: 'sagittal', weighting: 'T2', patient_pseudonym: 'p', quarantine_reason: 'Looks burned in.', needs_reason: false, slices: 3 } as unknown as Quarantined;
const onClose = vi.fn();

beforeEach(() => {
  localStorage.clear();
  vi.clearAllMocks();
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.setQueryData(meQuery.queryKey, { user: { username: 'lena', role: 'lead' } } as never);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <QuarantineReview queue={[series]} onClose={onClose} />
      </QueryClientProvider>
    </MantineProvider>,
  );
});
const press = (key: string, on: Element = document.body, more: KeyboardEventInit = {}) => fireEvent.keyDown(on, { key, code: `Key${key.toUpperCase()}`, ...more });

it('keeps letters to the decision where the lead wants that', () => {
  fireEvent.click(screen.getByRole('switch', { name: /Letters, digits and signs/ }));
  press('n');
  expect(onClose).not.toHaveBeenCalled();
  press('n', screen.getByRole('button', { name: 'Release' }));
  expect(onClose).toHaveBeenCalledTimes(1);
});

it('does not take a held D for the second one', () => {
  press('d');
  press('d', document.body, { repeat: true });
  expect(discard).not.toHaveBeenCalled();
  press('d');
  expect(discard).toHaveBeenCalledTimes(1);
});
