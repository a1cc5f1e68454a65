import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { complete, setValue } from '@/components/scoring/rubric';
import { DraftKeeper } from '@/lib/draft-keeper';
import { draftStore } from '@/lib/draft-store';
import { ApiError } from '@/lib/errors';
import { sameJson } from '@/lib/same-json';

import { type Categories, type DraftBody, type ReadingCase, type ReadSource, STUDY } from './api';
import { mergeDrafts } from './merge-drafts';
import { SignDialog } from './sign-dialog';
import { WorkedTime } from './use-active-seconds';

vi.setConfig({ testTimeout: 30_000 });
const patient = { timeout: 15_000 };

const body = (grade: number): DraftBody => ({ content: setValue(complete({}, ['baseline']), 'baseline', 'pannus', grade), measurements: [] });
const refusal = (code: string, more: object = {}) => new ApiError(409, { code, detail: 'Refused.', ...more }, 'Refused.');
const calls = { onClose: vi.fn(), onMissing: vi.fn(), onNext: vi.fn(), onChanged: vi.fn() };
let sign: ReturnType<typeof vi.fn<ReadSource['sign']>>;
let keeper: DraftKeeper<DraftBody, Categories>;

beforeEach(() => {
  localStorage.clear();
  vi.clearAllMocks();
  sign = vi.fn<ReadSource['sign']>();
  keeper = new DraftKeeper<DraftBody, Categories>({
    revision: 4,
    body: body(1),
    extra: { baseline: 'clean' },
    save: () => Promise.reject(new ApiError(0, null, 'No network.')),
    staleBody: (error) => (error.body as { current: { revision: number; body: DraftBody; extra: Categories } }).current,
    merge: mergeDrafts,
    store: draftStore('anna', 'c0ffee:1'),
    same: sameJson,
  });
});

/** Opens the dialog and signs; `onServer` is what the case then is there, `meanwhile` what comes before the password. */
async function signs(onServer: Partial<ReadingCase['reading']> = {}, meanwhile = () => undefined as void) {
  const work = new WorkedTime('anna:c0ffee:1');
  work.add(42);
  const open = () => Promise.resolve({ reading: { state: 'draft', ...onServer }, next: 'beef' } as ReadingCase);
  render(
    <MantineProvider env="test">
      <SignDialog
        opened code="c0ffee" source={{ ...STUDY, open, sign }} withFeedback={false} keeper={keeper} work={work}
        scans={[{ key: 'baseline', label: 'Baseline', unreadable: false }]} {...calls}
      />
    </MantineProvider>,
  );
  const password = await screen.findByLabelText('Password', {}, patient);
  act(meanwhile);
  fireEvent.change(password, { target: { value: 'secret' } });
  fireEvent.submit(password.closest('form')!);
}

it('sends the time since the last save with the signature', async () => {
  sign.mockResolvedValue({ next: null });
  await signs();
  await screen.findByText(/is signed and can no longer be changed/, {}, patient);
  expect(sign.mock.calls[0]?.[1]).toMatchObject({ revision: 4, active_seconds: 42 });
});

it('shows a read as signed when only the answer to its signature was lost', async () => {
  sign.mockRejectedValue(refusal('already_signed'));
  await signs({ state: 'signed', ...body(1) });
  fireEvent.click(await screen.findByRole('button', { name: 'Next case' }, patient));
  expect(calls.onNext).toHaveBeenCalledWith('beef');
});

it('gives the page up when something else was signed in another tab', async () => {
  sign.mockRejectedValue(refusal('already_signed'));
  await signs({ state: 'signed', ...body(2) });
  await waitFor(() => expect(calls.onChanged).toHaveBeenCalled(), patient);
  expect(screen.queryByText(/can no longer be changed/)).toBeNull();
});

it('does not sign what another tab added meanwhile before it was seen', async () => {
  sign.mockRejectedValue(refusal('stale_draft', { current: { revision: 6, body: body(2), extra: { baseline: 'case' } } }));
  await signs();
  await waitFor(() => expect(calls.onClose).toHaveBeenCalled(), patient);
  expect(sign).toHaveBeenCalledTimes(1);
  expect(keeper.getState()).toMatchObject({ status: 'saved', revision: 6, body: body(2), extra: { baseline: 'case' } });
});

it('does not sign what came in while the dialog was open', async () => {
  await signs({}, () => keeper.adopt(5, body(2), { baseline: 'case' }));
  await waitFor(() => expect(calls.onClose).toHaveBeenCalled(), patient);
  expect(sign).not.toHaveBeenCalled();
});

it('signs though the series on screen was only loaded with the dialog open', async () => {
  sign.mockResolvedValue({ next: null });
  const { content, measurements } = body(1);
  await signs({}, () => keeper.adopt(5, { content: { baseline: { ...content.baseline!, series: 1 } }, measurements }, {}));
  await screen.findByText(/is signed and can no longer be changed/, {}, patient);
});

it('shows no category while the draft is not on the server', async () => {
  keeper.change(body(2));
  await signs();
  await screen.findByText(/could not be saved/, {}, patient);
  expect(screen.queryByText('Clean')).toBeNull();
});
