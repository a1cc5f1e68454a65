import { renderHook, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { complete, setValue } from '@/components/scoring/rubric';
import { draftStore } from '@/lib/draft-store';
import { ApiError } from '@/lib/errors';

import { type DraftBody, type ReadingCase, STUDY } from './api';
import { useReadingDraft } from './use-reading-draft';

const KEYS = ['baseline'];
const body = (grade: number): DraftBody => ({ content: setValue(complete({}, KEYS), 'baseline', 'pannus', grade), measurements: [] });
const opened = (state: 'draft' | 'signed') =>
  ({ code: 'c0ffee', reading: { version: 1, revision: 4, state, ...body(1) }, categories: { baseline: 'clean' } }) as unknown as ReadingCase;
const save = vi.fn();
const onChanged = vi.fn();
const source = { ...STUDY, save };
const open = (state: 'draft' | 'signed', read = opened(state)) => renderHook(() => useReadingDraft(read, source, 'anna', KEYS, onChanged));

beforeEach(() => {
  localStorage.clear();
  vi.resetAllMocks();
});

it('takes up a kept draft, but shows a signed read as it was signed', () => {
  draftStore<DraftBody>('anna', 'c0ffee:1').write({ revision: 4, body: body(2) });
  const draft = open('draft');
  expect(draft.result.current[0]).toMatchObject({ status: 'changed', body: body(2) });
  draft.unmount();
  draftStore<DraftBody>('anna', 'c0ffee:1').write({ revision: 4, body: body(2) });
  expect(open('signed').result.current[0]).toMatchObject({ status: 'saved', body: body(1) });
  expect(draftStore('anna', 'c0ffee:1').read()).toBeNull();
});

it('asks for the case again when a save finds it signed', async () => {
  save.mockRejectedValue(new ApiError(409, { code: 'already_signed', detail: 'Signed.' }, 'Signed.'));
  const { result } = open('draft');
  result.current[1].change(body(2));
  await waitFor(() => expect(onChanged).toHaveBeenCalledTimes(1), { timeout: 5000 });
  expect(result.current[0].status).toBe('ended');
});

it('sends the time with the last save of a page that is left, and does not keep it as well', async () => {
  vi.useFakeTimers();
  save.mockResolvedValue({ revision: 5, categories: {} });
  const { result, unmount } = open('draft');
  await vi.advanceTimersByTimeAsync(10_000);
  result.current[1].change(body(2));
  unmount();
  vi.useRealTimers();
  await waitFor(() => expect(save).toHaveBeenCalledTimes(1));
  expect(save.mock.calls[0]?.[1]).toMatchObject({ active_seconds: 10 });
  expect(Object.keys(localStorage).filter((key) => key.startsWith('odontoid:seconds'))).toEqual([]);
});
