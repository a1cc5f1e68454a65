import { useEffect, useState, useSyncExternalStore } from 'react';

import type { DraftKeeper, DraftState } from '@/lib/draft-keeper';
import { enterDraft, leaveDraft } from '@/lib/live-drafts';

/** Sends the draft before the page goes, tries again when the network is back, warns while it is not sent. */
export function useDraft<Body, Extra>(create: () => DraftKeeper<Body, Extra>): [DraftState<Body, Extra>, DraftKeeper<Body, Extra>] {
  const [keeper] = useState(create);
  const state = useSyncExternalStore(keeper.subscribe, keeper.getState);

  useEffect(() => {
    const leave = () => void keeper.flush(true);
    const hidden = () => {
      if (document.visibilityState === 'hidden') leave();
    };
    const online = () => keeper.retry();
    const warn = (event: BeforeUnloadEvent) => {
      if (keeper.unsent) event.preventDefault();
    };
    enterDraft(keeper);
    keeper.start();
    document.addEventListener('visibilitychange', hidden);
    window.addEventListener('pagehide', leave);
    window.addEventListener('online', online);
    window.addEventListener('beforeunload', warn);
    return () => {
      document.removeEventListener('visibilitychange', hidden);
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('online', online);
      window.removeEventListener('beforeunload', warn);
      void leaveDraft(keeper); // another page of this application
    };
  }, [keeper]);

  return [state, keeper];
}
