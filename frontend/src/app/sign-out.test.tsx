import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';

import { consensusDraft, draftStore, unsentDrafts } from '@/lib/draft-store';
import { makeQueryClient } from '@/lib/query-client';

import { useSignOut } from './sign-out';

vi.setConfig({ testTimeout: 30_000 });
const fetched = vi.fn(() => Promise.resolve(new Response('{}', { headers: { 'Content-Type': 'application/json' } })));

function Page() {
  const { signOut, question } = useSignOut('anna');
  return <><button onClick={() => void signOut()}>Sign out</button>{question}</>;
}

beforeEach(() => {
  localStorage.clear();
  fetched.mockClear();
  vi.stubGlobal('fetch', fetched);
  draftStore('ben', 'beef:1').write({ revision: 1, body: {} });
});

function signOut() {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={makeQueryClient()}><MemoryRouter><Page /></MemoryRouter></QueryClientProvider>
    </MantineProvider>,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Sign out' }));
}

it('just signs out when the server has everything of this reader', async () => {
  signOut();
  await waitFor(() => expect(fetched).toHaveBeenCalledTimes(1));
  expect(unsentDrafts('ben')).toEqual(['beef']);
});

it.each([
  ['Stay signed in', 0, ['c0ffee']],
  ['Keep them here and sign out', 1, ['c0ffee']],
  ['Discard them and sign out', 1, []],
])('asks when something is not sent: %s', async (answer, requests, left) => {
  draftStore('anna', 'c0ffee:1').write({ revision: 1, body: {} });
  signOut();
  expect((await screen.findByText(/c0ffee/, {}, { timeout: 15_000 })).textContent).not.toContain('beef');
  expect(fetched).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole('button', { name: answer }));
  await waitFor(() => expect(fetched).toHaveBeenCalledTimes(requests));
  await waitFor(() => expect(unsentDrafts('anna')).toEqual(left));
  expect(unsentDrafts('ben')).toEqual(['beef']);
});

it('names a consensus session in words', async () => {
  draftStore('anna', consensusDraft('facade')).write({ revision: 1, body: {} });
  signOut();
  await screen.findByText(/something of consensus facade:/, {}, { timeout: 15_000 });
});

it('says so when the server could not sign anybody out', async () => {
  fetched.mockRejectedValueOnce(new TypeError('Failed to fetch'));
  signOut();
  const dialog = await screen.findByRole('dialog', { name: 'You are still signed in' }, { timeout: 15_000 });
  expect(dialog.textContent).toContain('cannot be reached');
  fireEvent.click(screen.getByRole('button', { name: 'Sign out again' }));
  await waitFor(() => expect(fetched).toHaveBeenCalledTimes(2));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull(), { timeout: 15_000 });
});
