import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { DraftKeeper } from './draft-keeper';
import { draftStore } from './draft-store';
import { ApiError } from './errors';
import { closeDrafts, enterDraft, flushDrafts, leaveDraft } from './live-drafts';
import { sameJson } from './same-json';

const save = vi.fn((revision: number) => Promise.resolve({ revision: revision + 1, extra: '' }));
const lose = () => save.mockRejectedValueOnce(new ApiError(0, null, 'No network.'));

function open(text: string) {
  const draft = new DraftKeeper<string, string>({
    revision: 1, body: text, extra: '', save, staleBody: () => null, store: draftStore<string>('anna', 'C1'), same: sameJson,
  });
  enterDraft(draft);
  draft.start();
  return draft;
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  save.mockClear();
});
afterEach(() => {
  closeDrafts();
  vi.useRealTimers();
});

it('goes on sending what a page was left with', async () => {
  lose();
  const draft = open('a');
  draft.change('ab');
  await leaveDraft(draft);
  expect(draft.unsent).toBe(true);
  await vi.advanceTimersByTimeAsync(2000);
  expect(draft.unsent).toBe(false);
});

it('leaves it to the page that opens the case again', async () => {
  lose();
  const first = open('a');
  first.change('ab');
  await leaveDraft(first);
  const again = open('a');
  expect(again.state.body).toBe('ab');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(save).toHaveBeenCalledTimes(2);
  expect(first.unsent).toBe(true);
  expect(again.state).toMatchObject({ status: 'saved', revision: 2 });
});

it('sends everything before signing out, and nothing after', async () => {
  const draft = open('a');
  draft.change('ab');
  await flushDrafts();
  expect(draft.unsent).toBe(false);
  lose();
  draft.change('abc');
  await flushDrafts();
  closeDrafts();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(save).toHaveBeenCalledTimes(2);
  expect(draftStore('anna', 'C1').read()?.body).toBe('abc');
});
