import { complete, type Content } from '@/components/scoring/rubric';
import { useDraft } from '@/components/scoring/use-draft';
import type { ApiError } from '@/lib/errors';
import { DraftKeeper } from '@/lib/draft-keeper';
import { draftStore } from '@/lib/draft-store';
import { sameJson } from '@/lib/same-json';
import type { Measurement } from '@/viewer';

import { type Categories, type DraftBody, type ReadingCase, saveDraft } from './api';
import { useActiveSeconds } from './use-active-seconds';

/** The reader's draft of a case, kept on the server and in the browser. */
export function useReadingDraft(opened: ReadingCase, username: string, scanKeys: string[]) {
  const { code, reading } = opened;
  const seconds = useActiveSeconds(reading.active_seconds);
  return useDraft<DraftBody, Categories>(
    () =>
      new DraftKeeper<DraftBody, Categories>({
        revision: reading.revision,
        body: {
          content: complete(reading.content as Partial<Content>, scanKeys),
          measurements: reading.measurements as Measurement[],
        },
        extra: opened.categories,
        save: (revision, body, keepalive) => saveDraft(code, revision, body, seconds(), keepalive),
        staleBody: (error) => staleBody(error, scanKeys),
        // A version has its own draft: one kept before signing must not come back in the amendment.
        store: draftStore<DraftBody>(username, `${code}:${reading.version}`),
        same: sameJson,
      }),
  );
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
