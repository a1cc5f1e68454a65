import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';

import type { Rubric } from '@/components/scoring/rubric';

import type { ReadingCase } from './api';
import { ReadingRoom } from './reading-room';

vi.setConfig({ testTimeout: 30_000 }); // the room takes a second to draw on a busy machine

const grades = (values: (number | string)[], from = 0) =>
  values.map((value, index) => ({ value, label: `Grade ${value}`, description: '', shortcut: String(index + from) }));
const finding = (key: string, label: string) => ({ key, label, help: '', grades: grades([0, 1, 2]) });
const rubric: Rubric = {
  version: 1,
  findings: [finding('pannus', 'Pannus'), finding('vertical_translocation', 'Translocation'), finding('dens_erosion', 'Dens erosion')],
  quality: { key: 'quality', label: 'Quality', help: '', grades: grades(['adequate', 'limited', 'unreadable'], 1) },
  exclusion_observation: { key: 'exclusion_observation', label: 'Exclude', help: '', grades: grades(['none']) },
};
const scan = (key: string, label: string) => ({ key, label, study_uid: '2.25.1', series_uid: `2.25.${label.length}`, slices: 0, instances: [], others: [] });
const line = {
  id: 'a', kind: 'mcrae' as const, scan: 'baseline', slice: 3, sop_uid: '', points: [[0, 0, 0], [0, 30, 0], [0, 10, 2]], value: 2, proposed_grade: 1,
};

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal('fetch', () => new Promise(() => undefined));
});

function open(scans = [scan('baseline', 'Baseline'), scan('follow_up', 'Follow-up')], state: 'draft' | 'signed' = 'draft') {
  const opened: ReadingCase = {
    code: 'c0ffee', read_design: scans.length > 1 ? 'paired' : 'independent', status: 'open', amendable: false, scans,
    reading: { version: 1, revision: 4, state, content: {}, measurements: scans.length > 1 ? [line] : [], active_seconds: 0, signed_at: null, content_hash: '' },
    categories: {}, next: null,
  };
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <MemoryRouter>
          <ReadingRoom
            username="anna" rubric={rubric} opened={opened} scans={null} imageError={null} onRetryImages={vi.fn()}
            onSeries={(_, series) => Promise.resolve(series)} onChanged={vi.fn()} progress={{ signed: 17, total: 60 }}
          />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}
const press = (key: string, more: KeyboardEventInit = {}) => fireEvent.keyDown(document.activeElement ?? document.body, { key, ...more });
const cell = (name: string) => screen.getByRole('radiogroup', { name });
const value = (name: string) => cell(name).dataset.value;
const focus = (name: string) => act(() => cell(name).focus());

it('sets grades aside when a scan is called unreadable, says so, and gives them back', () => {
  open();
  for (const key of ['2', 'ArrowDown', '0', 'ArrowDown', '1', 'ArrowDown', '3']) press(key);
  expect([value('Baseline: Pannus'), value('Baseline: Quality')]).toEqual(['', 'unreadable']);
  expect(screen.getByTestId('set-aside').getAttribute('role')).toBe('status');
  expect(screen.getByTestId('set-aside').textContent).toBe('Baseline: 3 grades set aside while this page is open; choose 1 or 2 to have them back.');
  press('2');
  expect(['Pannus', 'Translocation', 'Dens erosion', 'Quality'].map((row) => value(`Baseline: ${row}`))).toEqual(['2', '0', '1', 'limited']);
  expect(screen.getByTestId('set-aside').textContent).toBe('');
});

it('undoes and redoes the last grade with Ctrl+Z and Ctrl+Y, where it was given', () => {
  open();
  press('2');
  focus('Follow-up: Dens erosion');
  press('1');
  focus('Baseline: Quality');
  press('z', { ctrlKey: true });
  expect([value('Follow-up: Dens erosion'), value('Baseline: Pannus')]).toEqual(['', '2']);
  expect(cell('Follow-up: Dens erosion').dataset.current).toBe('true');
  press('z', { metaKey: true });
  expect(value('Baseline: Pannus')).toBe('');
  press('y', { ctrlKey: true });
  expect(value('Baseline: Pannus')).toBe('2');
});

it('has nothing to undo where nothing was changed', () => {
  open();
  press('2');
  press('ArrowDown');
  press('1');
  press('1'); // it is that already
  press('z', { ctrlKey: true });
  expect([value('Baseline: Translocation'), value('Baseline: Pannus')]).toEqual(['', '2']);
});

it('leaves Ctrl+Z in a comment to the text', () => {
  open();
  press('2');
  press('c');
  press('z', { ctrlKey: true });
  expect(value('Baseline: Pannus')).toBe('2');
});

it('shows the finding that an accepted proposal changes', () => {
  open();
  focus('Baseline: Dens erosion');
  press('y');
  expect(value('Baseline: Translocation')).toBe('1');
  expect(cell('Baseline: Translocation').dataset.current).toBe('true');
  expect(screen.getByTestId('proposal').textContent).toContain('Agrees with your grade.');
});

it.each([
  ['a grade', '1', 'Baseline: Pannus'],
  ['the other scan', 'f', 'Follow-up: Pannus'],
  ['an accepted proposal', 'y', 'Baseline: Translocation'],
  ['what is missing', 'Enter', 'Baseline: Pannus'],
])('takes the arrows from a point of a measurement with %s', (_, key, name) => {
  open();
  const point = document.body.appendChild(document.createElement('span'));
  Object.assign(point, { tabIndex: 0 }).dataset.point = 'Start';
  act(() => point.focus());
  press(key);
  expect(document.activeElement).toBe(cell(name));
  point.remove();
});

it('copies all grades of the baseline with Shift+S, undone at once', () => {
  open();
  for (const key of ['2', 'ArrowDown', '0', 'ArrowDown', '1', 'ArrowDown', '1']) press(key);
  press('S', { shiftKey: true });
  expect(['Pannus', 'Translocation', 'Dens erosion', 'Quality'].map((row) => value(`Follow-up: ${row}`))).toEqual(['2', '0', '1', '']);
  press('z', { ctrlKey: true });
  expect(value('Follow-up: Pannus')).toBe('');
  fireEvent.click(screen.getByRole('button', { name: 'All findings (Shift S)' }));
  expect(value('Follow-up: Dens erosion')).toBe('1');
});

it('switches once while a key is held', () => {
  open();
  press('h');
  for (let times = 0; times < 3; times += 1) press('h', { repeat: true });
  expect(JSON.parse(localStorage.getItem('odontoid:preference:anna:examples') ?? 'null')).toBe(true);
});

it('shows how many of the reader’s cases are read', () => {
  open();
  expect(screen.getByTestId('progress').textContent).toBe('17 of 60 read');
});

it('names no scan of a pair where there is one', async () => {
  open([scan('scan', 'Scan')]);
  press('?');
  const sheet = await screen.findByRole('dialog', {}, { timeout: 15_000 });
  expect(sheet.textContent).toContain('Grade the finding');
  expect(document.body.textContent).not.toMatch(/baseline|follow.?up/i);
});

it('lists for a signed read only what can be done with it', async () => {
  open(undefined, 'signed');
  press('2');
  expect(value('Baseline: Pannus')).toBe('');
  press('?');
  const sheet = await screen.findByRole('dialog', {}, { timeout: 15_000 });
  expect(sheet.textContent).toContain('Go to the key slice');
  expect(sheet.textContent).not.toMatch(/Sign;|Undo|Grade the finding|McRae/);
});
