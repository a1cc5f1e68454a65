import { useEffect } from 'react';

import { complete, type Content } from '@/components/scoring/rubric';
import { useDraft } from '@/components/scoring/use-draft';
import type { ApiError } from '@/lib/errors';
import { DraftKeeper, type DraftState } from '@/lib/draft-keeper';
import { type DraftStore, draftStore } from '@/lib/draft-store';
import { sameJson } from '@/lib/same-json';
import type { Measurement } from '@/viewer';

import { type Categories, type DraftBody, type ReadingCase, type ReadSource, saveDraft } from './api';
import { useActiveSeconds, type WorkedTime } from './use-active-seconds';

type Held = [DraftState<DraftBody, Categories>, DraftKeeper<DraftBody, Categories>, WorkedTime];

/** The reader's draft of a case, kept on the server and in the browser, and the time spent on it. */
export function useReadingDraft(opened: ReadingCase, source: ReadSource, username: string, scanKeys: string[]): Held {
  const { code, reading } = opened;
  // A version has its own draft: one kept before signing must not come back in the amendment.
  const name = `${code}:${reading.version}`;
  const work = useActiveSeconds(`${username}:${name}`);
  const [state, keeper] = useDraft<DraftBody, Categories>(
    () =>
      new DraftKeeper<DraftBody, Categories>({
        revision: reading.revision,
        body: bodyOf(reading, scanKeys),
        extra: opened.categories,
        save: (revision, body, keepalive) => work.sendWith((seconds) => saveDraft(source, code, revision, body, seconds, keepalive)),
        staleBody: (error) => staleBody(error, scanKeys),
        store: completed(draftStore<DraftBody>(username, name), scanKeys),
        same: sameJson,
      }),
  );
  // Fetched ahead, and saved in another tab before it was opened here.
  useEffect(() => keeper.adopt(reading.revision, bodyOf(reading, scanKeys), opened.categories), [keeper, opened, reading, scanKeys]);
  useEffect(() => {
    if (reading.state === 'signed') work.finish();
  }, [reading.state, work]);
  return [state, keeper, work];
}

/** A draft that an earlier version of this page kept lacks what has come since. */
function completed(store: DraftStore<DraftBody>, scanKeys: string[]): DraftStore<DraftBody> {
  return {
    ...store,
    read() {
      const kept = store.read();
      return kept && { ...kept, body: { ...kept.body, content: complete(kept.body.content, scanKeys) } };
    },
  };
}

function bodyOf({ content, measurements }: Pick<ReadingCase['reading'], 'content' | 'measurements'>, scanKeys: string[]): DraftBody {
  return { content: complete(content as Partial<Content>, scanKeys), measurements: measurements as Measurement[] };
}

function staleBody(error: ApiError, scanKeys: string[]): { revision: number; body: DraftBody } | null {
  const { current } = error.body as {
    current?: { revision: number; content: Partial<Content>; measurements?: Measurement[] };
  };
  if (!current) return null;
  return {
    revision: current.revision,
    body: { content: complete(current.content, scanKeys), measurements: current.measurements ?? [] },
  };
}
