import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';

import type { Rubric } from '@/components/scoring/rubric';
import { draftStore } from '@/lib/draft-store';

import type { ReadingCase } from './api';
import { ReadingRoom } from './reading-room';
import { MEANING } from './sign-dialog';

const grades = (values: (number | string)[]) =>
  values.map((value) => ({ value, label: `Grade ${value}`, description: '', shortcut: String(value) }));
const rubric: Rubric = {
  version: 1,
  findings: [
    { key: 'pannus', label: 'Pannus', help: '', grades: grades([0, 1, 2]) },
    { key: 'dens_erosion', label: 'Dens erosion', help: '', grades: grades([0, 1, 2]) },
  ],
  quality: { key: 'quality', label: 'Quality', help: '', grades: [{ value: 'adequate', label: 'Adequate', description: '', shortcut: '1' }] },
  exclusion_observation: { key: 'exclusion_observation', label: 'Exclude', help: '', grades: [{ value: 'none', label: 'None', description: '', shortcut: '0' }, { value: 'other', label: 'Other', description: '', shortcut: '9' }] },
};
const scan = (key: string, label: string) => ({ key, label, study_uid: '2.25.1', series_uid: `2.25.${label.length}`, slices: 0, instances: [], others: [] });
const opened = (): ReadingCase => ({
  code: 'c0ffee',
  read_design: 'paired',
  status: 'open',
  amendable: false,
  scans: [scan('baseline', 'Baseline'), scan('follow_up', 'Follow-up')],
  reading: { version: 1, revision: 4, state: 'draft', content: {}, measurements: [], active_seconds: 0, signed_at: null, content_hash: '' },
  categories: {},
  next: null,
});

vi.setConfig({ testTimeout: 30_000 }); // the room takes a second to draw on a busy machine

let requests: { method: string; path: string; body: Record<string, unknown> }[];
const answers: Record<string, () => Response> = {};
const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

beforeEach(() => {
  localStorage.clear();
  requests = [];
  let revision = 4;
  answers.PUT = () => json(200, { revision: (revision += 1), saved: true, categories: { baseline: 'clean', follow_up: 'case' } });
  answers.POST = () => json(200, { status: 'signed', content_hash: 'x', next: 'beef' });
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push({ method: request.method, path: new URL(request.url).pathname, body: (await request.json()) as Record<string, unknown> });
    return (answers[request.method] ?? (() => json(404, {})))();
  });
});

function open() {
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <MemoryRouter>
          <ReadingRoom username="anna" rubric={rubric} opened={opened()} scans={null} imageError={null} onRetryImages={vi.fn()} onSeries={(_, series) => Promise.resolve(series)} onChanged={vi.fn()} />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}
const press = (...keys: string[]) => {
  for (const key of keys) fireEvent.keyDown(document.activeElement ?? document.body, { key });
};
const cell = (name: string) => screen.getByRole('radiogroup', { name });
const gradeAll = () => press('0', 'ArrowDown', '0', 'ArrowDown', '1', 'f', '1', 'ArrowUp', '2', 'ArrowUp', '2');

it('grades with the keyboard alone and saves what was entered', async () => {
  open();
  gradeAll();
  expect(cell('Baseline: Pannus').dataset.value).toBe('0');
  expect(cell('Follow-up: Pannus').dataset.value).toBe('2');
  await waitFor(() => expect(screen.getByTestId('save-state').dataset.status).toBe('saved'), { timeout: 15_000 });
  const last = requests.at(-1);
  expect(last).toMatchObject({ method: 'PUT', path: '/api/reading/cases/c0ffee/draft/' });
  expect(last?.body.content).toMatchObject({
    baseline: { grades: { pannus: 0, dens_erosion: 0 }, quality: 'adequate' },
    follow_up: { grades: { pannus: 2, dens_erosion: 2 }, quality: 'adequate' },
  });
  expect(requests[0]?.body.revision).toBe(4);
  expect(screen.getByTestId('category-follow_up').textContent).toBe('Case');
});

it('copies the baseline grade with one key, or with a button', () => {
  open();
  const button = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Follow-up same as baseline (S)' });
  expect(button().disabled).toBe(true);
  press('1', 's');
  expect(cell('Follow-up: Pannus').dataset.value).toBe('1');
  press('ArrowDown', '2');
  fireEvent.click(button());
  expect(cell('Follow-up: Dens erosion').dataset.value).toBe('2');
});

it('goes to a text with C and back to the grades with Esc, whatever row it belongs to', () => {
  open();
  for (const [name, text] of [['Baseline: Pannus', 'Comment on Pannus, Baseline'], ['Baseline: Exclude', 'Which reason (C)']] as const) {
    act(() => cell(name).focus());
    press('9', 'c');
    const field = screen.getByLabelText(text, { exact: false });
    expect(document.activeElement).toBe(field);
    press('Escape');
    expect(document.activeElement).toBe(cell(name));
  }
});

it('goes to what the server finds missing', async () => {
  open();
  gradeAll();
  press('Enter');
  const password = await screen.findByLabelText('Password', {}, { timeout: 15_000 });
  answers.POST = () => json(409, { code: 'incomplete', missing: [{ scan: 'baseline', finding: 'dens_erosion' }] });
  fireEvent.change(password, { target: { value: 'right' } });
  fireEvent.submit(password.closest('form')!);
  await waitFor(() => expect(document.activeElement).toBe(cell('Baseline: Dens erosion')), { timeout: 15_000 });
  await new Promise((done) => setTimeout(done, 100)); // the dialog gave the focus back by now
  expect(document.activeElement).toBe(cell('Baseline: Dens erosion'));
  expect(cell('Baseline: Dens erosion').getAttribute('aria-invalid')).toBe('true');
});

it('jumps to what is missing instead of signing', () => {
  open();
  press('0', 'ArrowDown', 'Enter');
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(cell('Follow-up: Pannus').dataset.current).toBe('true');
  expect(cell('Follow-up: Pannus').getAttribute('aria-invalid')).toBe('true');
  expect(screen.getByRole('alert').textContent).toContain('5 findings are missing');
  press('0');
  expect(cell('Follow-up: Pannus').getAttribute('aria-invalid')).toBeNull();
});

it('signs the saved revision with the password and offers the next case', async () => {
  open();
  gradeAll();
  press('Enter');
  const password = await screen.findByLabelText('Password', {}, { timeout: 15_000 });
  expect(screen.getByText(MEANING)).toBeTruthy();
  answers.POST = () => json(400, { password: ['The password is wrong.'] });
  fireEvent.change(password, { target: { value: 'nope' } });
  fireEvent.submit(password.closest('form')!);
  await screen.findByText('The password is wrong.', {}, { timeout: 15_000 });
  answers.POST = () => json(200, { status: 'signed', content_hash: 'x', next: 'beef' });
  fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'right' } });
  fireEvent.submit(screen.getByLabelText('Password').closest('form')!);
  await screen.findByRole('button', { name: 'Next case' }, { timeout: 15_000 });
  const [saved, , signed] = requests;
  expect(saved?.method).toBe('PUT'); // what the reader signs is on the server first
  expect(signed).toMatchObject({ path: '/api/reading/cases/c0ffee/sign/', body: { revision: 5, password: 'right', meaning: MEANING, active_seconds: expect.any(Number) as number } });
  expect(Object.keys(localStorage).filter((key) => key.startsWith('odontoid:draft'))).toEqual([]);
});

it('says where the draft is while the server cannot be reached', async () => {
  answers.PUT = () => {
    throw new TypeError('Failed to fetch');
  };
  open();
  press('2');
  await waitFor(() => expect(screen.getByTestId('save-state').textContent).toBe('Offline – kept in this browser'), { timeout: 15_000 });
  expect(draftStore('anna', 'c0ffee:1').read()).toMatchObject({ body: { content: { baseline: { grades: { pannus: 2 } } } } });
  expect(screen.getByTestId('save-reason').textContent).toContain('The server cannot be reached.');
});

it('takes digits as text while a comment is written', () => {
  open();
  press('c');
  const comment = screen.getByPlaceholderText<HTMLTextAreaElement>('Comment (C)');
  expect(document.activeElement).toBe(comment);
  press('2');
  expect(cell('Baseline: Pannus').dataset.value).toBe('');
  fireEvent.change(comment, { target: { value: 'seen on 2' } });
  expect(comment.value).toBe('seen on 2');
});
