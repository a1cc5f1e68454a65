import { useEffect, useState } from 'react';

import { complete, type Content } from '@/components/scoring/rubric';
import { useDraft } from '@/components/scoring/use-draft';
import { DraftKeeper } from '@/lib/draft-keeper';
import type { DraftState, ServerDraft } from '@/lib/draft-state';
import { type DraftStore, draftStore } from '@/lib/draft-store';
import type { ApiError } from '@/lib/errors';
import { sameJson } from '@/lib/same-json';
import { say } from '@/lib/say';
import type { Measurement } from '@/viewer';

import { type Categories, type DraftBody, type ReadingCase, type ReadSource, saveDraft } from './api';
import { mergeDrafts } from './merge-drafts';
import { useActiveSeconds, WorkedTime } from './use-active-seconds';

type Held = [DraftState<DraftBody, Categories>, DraftKeeper<DraftBody, Categories>, WorkedTime];

/**
 * The reader's draft of a case, kept on the server and in the browser, and the time spent on it.
 *
 * `onChanged` is called when it turns out that the read is signed by now.
 */
export function useReadingDraft(opened: ReadingCase, source: ReadSource, username: string, scanKeys: string[], onChanged: () => void): Held {
  const { code, reading } = opened;
  // A version has its own draft: one kept before signing must not come back in the amendment.
  const name = `${code}:${reading.version}`;
  const signed = reading.state === 'signed';
  const [work] = useState(() => new WorkedTime(`${username}:${name}`));
  const [state, keeper] = useDraft<DraftBody, Categories>(() => {
    const store = completed(draftStore<DraftBody>(username, name), scanKeys);
    // What is signed is shown as it was signed; a copy from before can no longer be sent.
    if (signed) store.clearAll();
    return new DraftKeeper<DraftBody, Categories>({
      revision: reading.revision,
      body: bodyOf(reading, scanKeys),
      extra: opened.categories,
      save: (revision, body, keepalive) => work.sendWith((seconds) => saveDraft(source, code, revision, body, seconds, keepalive)),
      staleBody: (error) => staleBody(error, scanKeys),
      merge: mergeDrafts,
      onLanded: (arrived) => work.landed(arrived),
      store,
      same: sameJson,
    });
  });
  useActiveSeconds(work); // after the draft: what a leaving page still sends is not kept for the next one
  // Asked for again, after it was fetched ahead or the reader came back: it may have been saved elsewhere.
  useEffect(() => keeper.adopt(reading.revision, bodyOf(reading, scanKeys), opened.categories), [keeper, opened, reading, scanKeys]);
  useEffect(() => {
    if (signed) work.finish();
  }, [signed, work]);
  useEffect(() => {
    if (state.status !== 'ended') return;
    sayEnded();
    onChanged();
  }, [state.status, onChanged]);
  return [state, keeper, work];
}

/** For a page whose read is signed by now, with something else than what it shows. */
export function sayEnded(): void {
  say('This read was signed in another tab or on another computer. What was changed on this page since is not part of it.');
}

/** A draft that an earlier version of this page kept lacks what has come since. */
function completed(store: DraftStore<DraftBody>, scanKeys: string[]): DraftStore<DraftBody> {
  const whole = (body: DraftBody): DraftBody => ({ ...body, content: complete(body.content, scanKeys) });
  return {
    ...store,
    read() {
      const kept = store.read();
      return kept && { ...kept, body: whole(kept.body), base: kept.base && whole(kept.base), sent: kept.sent && whole(kept.sent) };
    },
    asides: () => store.asides().map(({ at, chosen, other }) => ({ at, chosen: whole(chosen), other: whole(other) })),
  };
}

export function bodyOf({ content, measurements }: Pick<ReadingCase['reading'], 'content' | 'measurements'>, scanKeys: string[]): DraftBody {
  return { content: complete(content as Partial<Content>, scanKeys), measurements: measurements as Measurement[] };
}

function staleBody(error: ApiError, scanKeys: string[]): ServerDraft<DraftBody, Categories> | null {
  const { current } = error.body as {
    current?: { revision: number; content: Partial<Content>; measurements?: Measurement[]; categories: Categories };
  };
  if (!current) return null;
  return {
    revision: current.revision,
    body: { content: complete(current.content, scanKeys), measurements: current.measurements ?? [] },
    extra: current.categories,
  };
}
