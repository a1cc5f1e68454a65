import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { DraftKeeper, type Saved } from './draft-keeper';
import type { DraftOptions } from './draft-state';
import { draftStore, forget, unsentDrafts } from './draft-store';
import { ApiError } from './errors';
import { sameJson } from './same-json';
import { threeWay } from './three-way';

interface Body {
  text: string;
}
const stale = (revision: number, text: string) =>
  new ApiError(409, { code: 'stale_draft', detail: 'Saved elsewhere.', current: { revision, body: { text } } }, 'Saved elsewhere.');
const offline = () => new ApiError(0, null, 'No network.');

let save: ReturnType<typeof vi.fn<(revision: number, body: Body, keepalive: boolean) => Promise<Saved<string>>>>;
const store = () => draftStore<Body>('anna', 'C1');

function keeper(revision = 1, text = 'start', more: Partial<DraftOptions<Body, string>> = {}) {
  const made = new DraftKeeper<Body, string>({
    revision,
    body: { text },
    extra: '',
    save,
    staleBody: ({ body }) => ({ extra: 'theirs', ...(body as { current: { revision: number; body: Body } }).current }),
    store: store(),
    same: sameJson,
    ...more,
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
    expect(store().read()).toMatchObject({ revision: 1, body: { text: 'ab' } });
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
    expect(draft.state).toMatchObject({ status: 'saved', revision: 8 });
  });

  it('goes on with theirs', async () => {
    const draft = await conflict();
    draft.resolve('theirs');
    expect(draft.state).toMatchObject({ status: 'saved', revision: 7, body: { text: 'theirs' } });
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

it('forgets one reader’s drafts and leaves the others’ alone', () => {
  store().write({ revision: 1, body: { text: 'a' } });
  draftStore<Body>('anna', 'C1:2').write({ revision: 1, body: { text: 'b' } });
  draftStore<Body>('annabel', 'C3').write({ revision: 1, body: { text: 'c' } });
  expect(unsentDrafts('anna')).toEqual(['C1']);
  expect(draftStore<Body>('ben', 'C1').read()).toBeNull();
  forget('anna', true);
  expect(unsentDrafts('anna')).toEqual([]);
  expect(unsentDrafts('annabel')).toEqual(['C3']);
});

describe('a save whose answer was lost', () => {
  it('is no conflict', async () => {
    save.mockRejectedValueOnce(offline()).mockRejectedValueOnce(stale(2, 'a'));
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600 + 2000);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 2, body: { text: 'a' }, extra: 'theirs', theirs: null });
    expect(store().read()).toBeNull();
  });

  it('is told apart although the reader went on', async () => {
    save.mockRejectedValueOnce(offline()).mockRejectedValueOnce(stale(2, 'a'));
    const draft = keeper();
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    draft.change({ text: 'ab' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(save.mock.calls.map(([revision, body]) => [revision, body.text])).toEqual([[1, 'a'], [1, 'a'], [2, 'ab']]);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 3, body: { text: 'ab' } });
  });

  it('is told apart after the tab was killed, too', async () => {
    save.mockImplementationOnce(() => new Promise(() => undefined));
    const killed = keeper();
    killed.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(600);
    killed.change({ text: 'ab' });
    killed.close();
    const again = keeper(2, 'a');
    expect(again.state).toMatchObject({ status: 'changed', revision: 2, body: { text: 'ab' } });
    await vi.advanceTimersByTimeAsync(600);
    expect(again.state.status).toBe('saved');
  });

  it('tells whether it arrived', async () => {
    const landed = vi.fn();
    save.mockRejectedValueOnce(offline()).mockRejectedValueOnce(stale(2, 'a')).mockRejectedValueOnce(offline()).mockRejectedValueOnce(stale(5, 'other'));
    const draft = keeper(1, 'start', { onLanded: landed });
    draft.change({ text: 'a' });
    await vi.advanceTimersByTimeAsync(2600);
    draft.change({ text: 'ab' });
    await vi.advanceTimersByTimeAsync(2600);
    expect(landed.mock.calls).toEqual([[true], [false]]);
  });
});

describe('two drafts of one base', () => {
  // Words are the fields; a clash is the same place with another word on each side.
  const words = ({ text }: Body) => Object.fromEntries(text.split(' ').map((word, place) => [place, word]));
  const merge = (base: Body, mine: Body, theirs: Body) => {
    const merged = threeWay(words(base), words(mine), words(theirs));
    const text = (fields: Record<string, unknown>) => ({ text: Object.values(fields).join(' ') });
    return { mine: text(merged.mine), theirs: text(merged.theirs) };
  };

  it('are put together without asking where they do not clash', async () => {
    save.mockRejectedValueOnce(stale(7, 'a b C'));
    const draft = keeper(1, 'a b c', { merge });
    draft.change({ text: 'A b c' });
    await vi.advanceTimersByTimeAsync(600);
    expect(save.mock.lastCall?.slice(0, 2)).toEqual([7, { text: 'A b C' }]);
    expect(draft.state).toMatchObject({ status: 'saved', revision: 8, body: { text: 'A b C' } });
  });

  it('are put together at opening, from the copy that an earlier page kept', async () => {
    store().write({ revision: 1, body: { text: 'A b c' }, base: { text: 'a b c' } });
    const draft = keeper(3, 'a b C', { merge });
    expect(draft.state).toMatchObject({ status: 'changed', revision: 3, body: { text: 'A b C' } });
    await vi.advanceTimersByTimeAsync(600);
    expect(save.mock.calls.map(([revision, body]) => [revision, body.text])).toEqual([[3, 'A b C']]);
  });

  async function clash() {
    save.mockRejectedValueOnce(stale(7, 'x b C'));
    const draft = keeper(1, 'a b c', { merge });
    draft.change({ text: 'A B c' });
    await vi.advanceTimersByTimeAsync(600);
    expect(draft.state.status).toBe('conflict');
    expect(draft.choices()).toEqual({ mine: { text: 'A B C' }, theirs: { text: 'x B C' } });
    return draft;
  }

  it('give back what was not chosen, with what was entered since', async () => {
    const draft = await clash();
    draft.resolve('theirs');
    await vi.advanceTimersByTimeAsync(0);
    expect(draft.state).toMatchObject({ status: 'saved', body: { text: 'x B C' }, asides: [{ other: { text: 'A B C' } }] });
    draft.change({ text: 'x B CC' });
    await vi.advanceTimersByTimeAsync(600);

    const later = keeper(9, 'x B CC', { merge }); // another day
    later.takeBack(later.state.asides[0]!);
    await vi.advanceTimersByTimeAsync(600);
    expect(later.state).toMatchObject({ status: 'saved', body: { text: 'A B CC' }, asides: [{ other: { text: 'x B CC' } }] });
    later.finish();
    expect(Object.keys(localStorage)).toEqual([]);
  });

  it('leave no category of the draft that was not chosen', async () => {
    save.mockRejectedValueOnce(stale(7, 'theirs'));
    const draft = keeper();
    draft.change({ text: 'mine' });
    await vi.advanceTimersByTimeAsync(600);
    draft.resolve('theirs');
    expect(draft.state).toMatchObject({ status: 'saved', extra: 'theirs' });
  });
});

describe('two tabs of one browser', () => {
  it('do not take each other’s unsent copies away', async () => {
    save.mockRejectedValue(offline());
    const first = keeper();
    first.change({ text: 'first' });
    await vi.advanceTimersByTimeAsync(600);
    const copy = draftStore<Body>('anna', 'C1');
    copy.write({ revision: 1, body: { text: 'second' } });
    copy.clear();
    expect(store().read()?.body).toEqual({ text: 'first' });
  });

  it('take up what the other could not send, and forget it once it is there', async () => {
    store().write({ revision: 1, body: { text: 'killed' } });
    const draft = keeper();
    await vi.advanceTimersByTimeAsync(600);
    expect(draft.state).toMatchObject({ status: 'saved', body: { text: 'killed' } });
    expect(unsentDrafts('anna')).toEqual([]);
  });
});

it('ends when the read was signed elsewhere', async () => {
  save.mockRejectedValueOnce(new ApiError(409, { code: 'already_signed', detail: 'Signed.' }, 'Signed.'));
  const draft = keeper();
  draft.change({ text: 'late' });
  await vi.advanceTimersByTimeAsync(600);
  expect(draft.state.status).toBe('ended');
  draft.change({ text: 'later' });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(save).toHaveBeenCalledTimes(1);
  expect(store().read()).toBeNull();
});

it('says which field refuses a draft, and tries again when asked', async () => {
  const body = { code: 'bad_content', detail: 'The draft does not fit.', fields: { 'baseline.grades.pannus': 'no such grade' } };
  save.mockRejectedValueOnce(new ApiError(409, body, 'The draft does not fit.'));
  const draft = keeper();
  draft.change({ text: 'bad' });
  await vi.advanceTimersByTimeAsync(600);
  expect(draft.state).toMatchObject({ status: 'refused', message: 'The draft does not fit. baseline.grades.pannus: no such grade.' });
  draft.retry();
  await vi.advanceTimersByTimeAsync(0);
  expect(draft.state.status).toBe('saved');
});
