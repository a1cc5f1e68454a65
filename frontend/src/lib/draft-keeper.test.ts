import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { DraftKeeper, type Saved } from './draft-keeper';
import { clearDrafts, draftStore } from './draft-store';
import { ApiError } from './errors';
import { sameJson } from './same-json';

interface Body {
  text: string;
}
const stale = (revision: number, text: string) =>
  new ApiError(409, { code: 'stale_draft', detail: 'Saved elsewhere.', current: { revision, body: { text } } }, 'Saved elsewhere.');
const offline = () => new ApiError(0, null, 'No network.');

let save: ReturnType<typeof vi.fn<(revision: number, body: Body, keepalive: boolean) => Promise<Saved<string>>>>;
const store = () => draftStore<Body>('anna', 'C1');

function keeper(revision = 1, text = 'start') {
  const made = new DraftKeeper<Body, string>({
    revision,
    body: { text },
    extra: '',
    save,
    staleBody: ({ body }) => (body as { current: { revision: number; body: Body } }).current,
    store: store(),
    same: sameJson,
  });
  made.start();
  return made;
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  save = vi.fn((revision: number) => Promise.resolve({ revision: revision + 1, extra: 'ok' }));
});
afterEach(() => vi.useRealTimers());

describe('saving', () => {
  it('waits for a pause, then sends the last state once', async () => {
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(500);
    draft.change({ text: 'ab' });
    expect(draft.state.status).toBe('changed');
    expect(store().read()).toEqual({ revision: 1, body: { text: 'ab' } });
    await vi.advanceTimersByTimeAsync(600);
    expect(save.mock.calls).toEqual([[1, { text: 'ab' }, false]]);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 2, extra: 'ok' });
    expect(store().read()).toBeNull();
  });

  it('sends what changed during a save with the revision that save gave', async () => {
    let answer: (saved: Saved<string>) => void = () => undefined;
    save.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    draft.change({ text: 'ab' });
    answer({ revision: 2, extra: '' });
    await vi.advanceTimersByTimeAsync(700);
    expect(save.mock.calls.map(([revision, body]) => [revision, body.text])).toEqual([[1, 'a'], [2, 'ab']]);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 3 });
  });

  it('flushes at once when the page goes', async () => {
    const draft = keeper();
    draft.change({ text: 'a' });
    await draft.flush(true);
    expect(save.mock.calls).toEqual([[1, { text: 'a' }, true]]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(save).toHaveBeenCalledTimes(1);
  });
});

describe('a lost network', () => {
  it('keeps the draft in the browser, says so, and tries again until it is sent', async () => {
    save.mockRejectedValueOnce(offline()).mockRejectedValueOnce(offline());
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    expect(draft.state).toMatchObject({ status: 'offline', message: 'No network.' });
    expect(store().read()?.body).toEqual({ text: 'a' });
    draft.change({ text: 'ab' });
    expect(draft.state.status).toBe('offline');
    await vi.advanceTimersByTimeAsync(2000);
    expect(draft.state.status).toBe('offline');
    await vi.advanceTimersByTimeAsync(4000);
    expect(draft.state.status).toBe('saved');
    expect(save.mock.lastCall?.[1]).toEqual({ text: 'ab' });
  });

  it('goes on at once when the browser is online again', async () => {
    save.mockRejectedValueOnce(offline());
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    draft.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(draft.state.status).toBe('saved');
  });

  it('says when the browser cannot keep a copy either', async () => {
    save.mockRejectedValue(offline());
    const draft = keeper();
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    expect(draft.state).toMatchObject({ status: 'offline', unkept: true });
    expect(await draft.flush()).toBe(false);
  });
});

describe('a page opened after a crash', () => {
  it('takes up the draft that never reached the server, and sends it', async () => {
    store().write({ revision: 1, body: { text: 'kept' } });
    const draft = keeper(1, 'server');
    expect(draft.state).toMatchObject({ status: 'changed', body: { text: 'kept' } });
    await vi.advanceTimersByTimeAsync(600);
    expect(save.mock.calls).toEqual([[1, { text: 'kept' }, false]]);
  });

  it('lets the reader choose where the server moved on meanwhile', () => {
    store().write({ revision: 1, body: { text: 'kept' } });
    const draft = keeper(3, 'server');
    expect(draft.state).toMatchObject({ status: 'conflict', body: { text: 'kept' }, theirs: { revision: 3, body: { text: 'server' } } });
  });

  it('forgets a copy that the server already has', () => {
    store().write({ revision: 1, body: { text: 'same' } });
    expect(keeper(2, 'same').state.status).toBe('saved');
    expect(store().read()).toBeNull();
  });
});

describe('a conflict', () => {
  async function conflict() {
    save.mockRejectedValueOnce(stale(7, 'theirs'));
    const draft = keeper();
    draft.change({ text: 'mine' });
    await vi.advanceTimersByTimeAsync(600);
    expect(draft.state.status).toBe('conflict');
    return draft;
  }

  it('sends nothing and loses nothing until it is resolved', async () => {
    const draft = await conflict();
    draft.change({ text: 'mine, more' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(save).toHaveBeenCalledTimes(1);
    expect(draft.state).toMatchObject({ status: 'conflict', body: { text: 'mine, more' }, theirs: { body: { text: 'theirs' } } });
    expect(store().read()?.body).toEqual({ text: 'mine, more' });
  });

  it('goes on with mine on top of the other revision', async () => {
    const draft = await conflict();
    draft.resolve('mine');
    await vi.advanceTimersByTimeAsync(0);
    expect(save.mock.lastCall).toEqual([7, { text: 'mine' }, false]);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 8, generation: 0 });
  });

  it('goes on with theirs', async () => {
    const draft = await conflict();
    draft.resolve('theirs');
    expect(draft.state).toMatchObject({ status: 'saved', revision: 7, body: { text: 'theirs' }, generation: 1 });
    expect(store().read()).toBeNull();
    await vi.advanceTimersByTimeAsync(5000);
    expect(save).toHaveBeenCalledTimes(1);
  });
});

it('keeps a refused draft and does not send it again by itself', async () => {
  save.mockRejectedValueOnce(new ApiError(400, {}, 'Grade 9 is unknown.'));
  const draft = keeper();
  draft.change({ text: 'bad' });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(save).toHaveBeenCalledTimes(1);
  expect(draft.state).toMatchObject({ status: 'refused', message: 'Grade 9 is unknown.' });
  expect(store().read()?.body).toEqual({ text: 'bad' });
});

it('adopts what somebody else saved only while nothing here is unsent', async () => {
  const draft = keeper();
  draft.adopt(2, { text: 'theirs' }, 'x');
  expect(draft.state).toMatchObject({ revision: 2, body: { text: 'theirs' } });
  draft.change({ text: 'mine' });
  draft.adopt(3, { text: 'later' }, 'y');
  expect(draft.state.body).toEqual({ text: 'mine' });
  await draft.flush();
});

it('leaves nothing of anybody behind at logout', () => {
  store().write({ revision: 1, body: { text: 'a' } });
  draftStore<Body>('ben', 'C2').write({ revision: 1, body: { text: 'b' } });
  localStorage.setItem('other', 'stays');
  clearDrafts();
  expect(Object.keys(localStorage)).toEqual(['other']);
});
