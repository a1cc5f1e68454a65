import { useSyncExternalStore } from 'react';

import { unsentDrafts } from './draft-store';
import { useUser } from './session';

/** Names of the drafts of which this browser alone has something; pages that were left go on sending. */
export function useUnsent(): string[] {
  const username = useUser()?.username;
  const names = useSyncExternalStore(everySecond, () => (username ? unsentDrafts(username).join(' ') : ''));
  return names ? names.split(' ') : [];
}

/** Storage tells other tabs of a change, and not the one that made it. */
function everySecond(look: () => void): () => void {
  const timer = setInterval(look, 1_000);
  return () => clearInterval(timer);
}
