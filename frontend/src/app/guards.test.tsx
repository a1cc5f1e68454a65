import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { makeQueryClient } from '@/lib/query-client';

import { ByRole, ForRoles, SignedIn } from './guards';

afterEach(() => vi.unstubAllGlobals());

function visit(address: string, role: string | null) {
  const user = role === null ? null : { username: 'x', first_name: '', last_name: '', role };
  vi.stubGlobal('fetch', () =>
    Promise.resolve(new Response(JSON.stringify({ user }), { headers: { 'Content-Type': 'application/json' } })),
  );
  const router = createMemoryRouter(
    [
      { path: '/login', element: <p>login page</p> },
      {
        element: <SignedIn />,
        children: [
          { path: '/', element: <ByRole pages={{ observer: <p>worklist</p>, lead: <p>dashboard</p> }} /> },
          { element: <ForRoles roles={['lead']} />, children: [{ path: '/runs', element: <p>runs</p> }] },
          { element: <ForRoles roles={['observer', 'adjudicator']} />, children: [{ path: '/read/:code', element: <p>room</p> }] },
        ],
      },
    ],
    { initialEntries: [address] },
  );
  const client = makeQueryClient();
  render(
    <MantineProvider>
      <QueryClientProvider client={client}><RouterProvider router={router} /></QueryClientProvider>
    </MantineProvider>,
  );
  return { router, client };
}

describe('the guards', () => {
  it('send a stranger to the login page and remember where they were going', async () => {
    const { router } = visit('/runs?compare=1,2', null);
    await screen.findByText('login page');
    expect(router.state.location.search).toBe('?next=%2Fruns%3Fcompare%3D1%2C2');
  });

  it('keep the page when asking again who is signed in fails', async () => {
    const { client } = visit('/read/abc', 'observer');
    await screen.findByText('room');
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status: 500 })));
    void client.invalidateQueries({ queryKey: ['me'] });
    await waitFor(() => expect(client.getQueryState(['me'])?.status).toBe('error'));
    expect(screen.getByText('room')).toBeTruthy();
  });

  it.each([
    ['/', 'observer', 'worklist'],
    ['/', 'lead', 'dashboard'],
    ['/runs', 'lead', 'runs'],
    ['/read/abc', 'adjudicator', 'room'],
  ])('open %s to the %s', async (address, role, text) => {
    visit(address, role);
    expect(await screen.findByText(text)).toBeTruthy();
  });

  it.each([
    ['/runs', 'observer'],
    ['/runs', 'adjudicator'],
    ['/read/abc', 'lead'],
    ['/', ''],
  ])('answer %s to the role “%s” like a page that does not exist', async (address, role) => {
    visit(address, role);
    expect(await screen.findByText('Nothing here')).toBeTruthy();
  });
});
