import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, it, vi } from 'vitest';

import { makeQueryClient } from '@/lib/query-client';

import { LoginPage, safeNext } from './login-page';

afterEach(() => vi.unstubAllGlobals());

function show(answers: Record<string, [status: number, body: unknown]>, at = '/login') {
  const fetched = vi.fn((request: Request) => {
    const [status, body] = answers[new URL(request.url).pathname] ?? [404, {}];
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));
  });
  vi.stubGlobal('fetch', fetched);
  const router = createMemoryRouter(
    [{ path: '/login', element: <LoginPage /> }, { path: '*', element: <p>inside</p> }],
    { initialEntries: [at] },
  );
  render(
    <MantineProvider>
      <QueryClientProvider client={makeQueryClient()}><RouterProvider router={router} /></QueryClientProvider>
    </MantineProvider>,
  );
  return { fetched, router };
}

it('says what was wrong and clears only the password', async () => {
  show({ '/api/auth/me/': [200, { user: null }], '/api/auth/login/': [400, { detail: 'User name and password do not match.' }] });
  await userEvent.type(screen.getByLabelText('User name'), 'lead');
  await userEvent.type(screen.getByLabelText('Password'), 'wrong');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  expect((await screen.findByRole('alert')).textContent).toContain('do not match');
  expect(screen.getByLabelText<HTMLInputElement>('User name').value).toBe('lead');
  expect(screen.getByLabelText<HTMLInputElement>('Password').value).toBe('');
});

it('asks for both fields before it asks the server', async () => {
  const { fetched } = show({ '/api/auth/me/': [200, { user: null }] });
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  expect(screen.getByText('Enter your user name.')).toBeTruthy();
  expect(fetched.mock.calls.every(([request]) => request.method === 'GET')).toBe(true);
});

it('goes on where the person was', async () => {
  const user = { username: 'lead', first_name: '', last_name: '', role: 'lead' };
  const { router } = show(
    { '/api/auth/me/': [200, { user: null }], '/api/auth/login/': [200, { user }] },
    '/login?next=%2Fruns%2F3',
  );
  await userEvent.type(screen.getByLabelText('User name'), 'lead');
  await userEvent.type(screen.getByLabelText('Password'), 'right');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await screen.findByText('inside');
  expect(router.state.location.pathname).toBe('/runs/3');
});

it('never leaves the site', () => {
  expect(safeNext('/runs/3?x=1')).toBe('/runs/3?x=1');
  for (const next of ['https://elsewhere.test', '//elsewhere.test', '/\\elsewhere.test', 'javascript:alert(1)', '/login', '', null]) {
    expect(safeNext(next)).toBe('/');
  }
});
