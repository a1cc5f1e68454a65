import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';

import { complete, type Content, EXCLUSION, type Rubric, setValue } from '@/components/scoring/rubric';

import type { Session } from './api';
import { ConsensusRoom } from './consensus-room';

vi.setConfig({ testTimeout: 30_000 }); // the room takes a second to draw on a busy machine
const patient = { timeout: 15_000 };

const grades = (values: (number | string)[], from = 0) =>
  values.map((value, index) => ({ value, label: `Grade ${value}`, description: '', shortcut: String(index + from) }));
const rubric: Rubric = {
  version: 1,
  findings: [{ key: 'pannus', label: 'Pannus', help: '', grades: grades([0, 1, 2]) }],
  quality: { key: 'quality', label: 'Quality', help: '', grades: grades(['adequate', 'unreadable'], 1) },
  exclusion_observation: { key: 'exclusion_observation', label: 'Exclude', help: '', grades: grades(['none', 'other']) },
};
const form = (grade: number): Content =>
  setValue(setValue(complete({}, ['scan']), 'scan', 'pannus', grade), 'scan', 'quality', 'adequate');
const session = (agreed: Partial<Session['agreed']>): Session =>
  ({
    code: 'beef', outcome: 'open', case_code: 'c0ffee',
    scans: [{ key: 'scan', label: 'Scan', study_uid: '2.25.1', series_uid: '2.25.2', slices: 0, instances: [], others: [] }],
    reads: [
      { who: 'you', content: form(0), categories: {}, measurements: [] },
      { who: 'other', content: form(2), categories: {}, measurements: [] },
    ],
    agreed: { revision: 5, content: form(2), categories: {}, proposed_by: null, ...agreed },
  }) as unknown as Session;

let posted: string[];
let save: () => Promise<Response>;
beforeEach(() => {
  localStorage.clear();
  posted = [];
  save = () => new Promise(() => undefined);
  vi.stubGlobal('fetch', (request: Request) => {
    if (request.method === 'PUT') return save();
    posted.push(request.url);
    return new Promise(() => undefined);
  });
});

const room = (agreed: Partial<Session['agreed']>) => (
  <MantineProvider env="test">
    <MemoryRouter>
      <ConsensusRoom
        username="anna" rubric={rubric} session={session(agreed)} scans={null} imageError={null} onRetryImages={vi.fn()}
        onSeries={vi.fn()} seriesFailure={null} onChanged={vi.fn()}
      />
    </MemoryRouter>
  </MantineProvider>
);
const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
const offered = () => screen.getAllByRole('button').map(({ textContent }) => textContent).filter((text) => /Propose|Confirm/.test(text ?? ''));

it('offers to confirm only what is on screen', () => {
  render(room({ proposed_by: 'other' }));
  expect(offered()).toEqual(['Confirm']);
  press('1');
  expect(offered()).toEqual(['Propose']);
});

it('takes the question back when the other observer proposes something else meanwhile', async () => {
  const { rerender } = render(room({ proposed_by: 'other' }));
  press('Enter');
  await screen.findByLabelText('Password', {}, patient);
  rerender(room({ proposed_by: 'other', revision: 7, content: form(1) }));
  await waitFor(() => expect(screen.queryByLabelText('Password')).toBeNull(), patient);
  expect(offered()).toEqual(['Confirm']);
  expect(screen.getByRole('radiogroup', { name: 'Agreed Scan: Pannus' }).dataset.value).toBe('1');
  expect(posted).toEqual([]);
});

it('says what differs when both observers changed the form', async () => {
  const current = { revision: 6, content: form(1), categories: {} };
  save = () => Promise.resolve(new Response(JSON.stringify({ code: 'stale_draft', current }), { status: 409, headers: { 'Content-Type': 'application/json' } }));
  render(room({}));
  press('0');
  const dialog = await screen.findByRole('dialog', {}, patient);
  await waitFor(() => expect(dialog.textContent).toContain('Scan, Pannus: Grade 0 here, Grade 1 there'), patient);
  expect(dialog.textContent).toContain('The other observer');
  // It came while they typed: the next key must not decide.
  await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true), patient);
  expect(document.activeElement?.closest('button')).toBeNull();
  fireEvent.keyDown(document.activeElement!, { key: 'Tab', shiftKey: true });
  expect(document.activeElement?.textContent).toBe('Keep what is on this page'); // the focus stays within
});

it('keeps a reason to exclude within what the server takes, and goes back to its grades with Esc', () => {
  render(room({ content: setValue(form(2), 'scan', EXCLUSION, 'other') }));
  const reason = screen.getByLabelText<HTMLInputElement>('Which reason, Scan');
  expect(reason.maxLength).toBe(2000);
  act(() => reason.focus()); // by the mouse, while another line has the cursor
  press('Escape');
  expect(document.activeElement).toBe(screen.getByRole('radiogroup', { name: 'Agreed Scan: Exclude' }));
});
