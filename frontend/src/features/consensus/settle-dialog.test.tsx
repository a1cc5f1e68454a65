import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { complete, type Content, setValue } from '@/components/scoring/rubric';
import { DraftKeeper } from '@/lib/draft-keeper';
import { draftStore } from '@/lib/draft-store';
import { ApiError } from '@/lib/errors';
import { sameJson } from '@/lib/same-json';
import { say } from '@/lib/say';

import { type Categories, confirm, propose } from './api';
import { type Act, SettleDialog } from './settle-dialog';

vi.mock('@/lib/say', () => ({ say: vi.fn() }));
vi.mock('./api', () => ({ propose: vi.fn(), confirm: vi.fn(), decline: vi.fn() }));
vi.setConfig({ testTimeout: 30_000 });
const patient = { timeout: 15_000 };

const form = (grade: number): Content => setValue(complete({}, ['baseline']), 'baseline', 'pannus', grade);
const calls = { onClose: vi.fn(), onDone: vi.fn() };
let keeper: DraftKeeper<Content, Categories>;

beforeEach(() => {
  localStorage.clear();
  vi.resetAllMocks();
  keeper = new DraftKeeper<Content, Categories>({
    revision: 4,
    body: form(1),
    extra: {},
    save: () => Promise.reject(new ApiError(0, null, 'No network.')),
    staleBody: () => null,
    store: draftStore('anna', 'consensus-beef'),
    same: sameJson,
  });
});

/** The dialog of an act that was asked for on the form with `grade` 1 at revision 4, over what is on screen now. */
function Dialog({ act, shown = form(1), proposed = act === 'confirm' }: { act: Act; shown?: Content; proposed?: boolean }) {
  return (
    <MantineProvider env="test">
      <SettleDialog asked={{ act, revision: 4, content: form(1) }} code="beef" keeper={keeper} shown={shown} proposed={proposed} {...calls} />
    </MantineProvider>
  );
}
async function enterPassword() {
  const password = await screen.findByLabelText('Password', {}, patient);
  fireEvent.change(password, { target: { value: 'secret' } });
  fireEvent.submit(password.closest('form')!);
}

it('confirms the revision that was on screen when the dialog opened', async () => {
  render(<Dialog act="confirm" />);
  keeper.adopt(6, form(1), {});
  await enterPassword();
  await waitFor(() => expect(calls.onDone).toHaveBeenCalled(), patient);
  expect(confirm).toHaveBeenCalledWith('beef', 4, { password: 'secret', meaning: screen.getByText(/^I agree with this read/).textContent });
  expect(say).not.toHaveBeenCalled();
});

it.each([
  ['confirm', 'changed the form', { shown: form(2) }],
  ['confirm', 'took the proposal back', { proposed: false }],
  ['propose', 'changed the form', { shown: form(2) }],
  ['propose', 'proposed it too', { proposed: true }],
] as const)('closes %s when the other observer %s meanwhile, and says so', (act, _, now) => {
  const { rerender } = render(<Dialog act={act} />);
  expect(calls.onClose).not.toHaveBeenCalled();
  rerender(<Dialog act={act} {...now} />);
  expect(calls.onClose).toHaveBeenCalledTimes(1);
  expect(say).toHaveBeenCalledWith(expect.stringContaining('Look at it again'));
});

it('stays open for “no consensus”, which signs no form', () => {
  const { rerender } = render(<Dialog act="decline" />);
  rerender(<Dialog act="decline" shown={form(2)} proposed />);
  expect(calls.onClose).not.toHaveBeenCalled();
});

it.each(['confirm', 'propose'] as const)('sends back to the form when the server knows of a change before this page does: %s', async (act) => {
  vi.mocked(act === 'confirm' ? confirm : propose).mockRejectedValue(new ApiError(409, { code: 'stale_draft' }, 'Changed in the meantime.'));
  render(<Dialog act={act} />);
  await enterPassword();
  await waitFor(() => expect(calls.onDone).toHaveBeenCalled(), patient);
  expect(say).toHaveBeenCalledTimes(1);
  expect(calls.onClose).toHaveBeenCalledTimes(1);
});

it('does not propose what came in between the last look and the password', async () => {
  render(<Dialog act="propose" />);
  keeper.adopt(6, form(2), {}); // the page has not drawn it yet
  await enterPassword();
  await waitFor(() => expect(calls.onClose).toHaveBeenCalled(), patient);
  expect(propose).not.toHaveBeenCalled();
});
