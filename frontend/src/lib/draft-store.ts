/**
 * Drafts kept in this browser until the server has them.
 *
 * localStorage, because a closing page can still write to it. One entry a reader and case; emptied when
 * the server confirms, after signing, and at logout: the next person at this desk finds nothing.
 */
const PREFIX = 'odontoid:draft:';

export interface KeptDraft<Body> {
  /** The server's revision that the body was edited from. */
  revision: number;
  body: Body;
}

export interface DraftStore<Body> {
  read(): KeptDraft<Body> | null;
  /** False when the browser has no room or no storage: the caller says so. */
  write(draft: KeptDraft<Body>): boolean;
  clear(): void;
}

export function draftStore<Body>(username: string, code: string, storage: Storage = window.localStorage): DraftStore<Body> {
  const key = `${PREFIX}${username}:${code}`;
  return {
    read() {
      try {
        const text = storage.getItem(key);
        return text ? (JSON.parse(text) as KeptDraft<Body>) : null;
      } catch {
        return null;
      }
    },
    write(draft) {
      try {
        storage.setItem(key, JSON.stringify(draft));
        return true;
      } catch {
        return false;
      }
    },
    clear() {
      try {
        storage.removeItem(key);
      } catch {
        // Storage is switched off: nothing was kept there either.
      }
    },
  };
}

/** Forgets every draft kept in this browser; at logout. */
export function clearDrafts(storage: Storage = window.localStorage): void {
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
  for (const key of keys) if (key.startsWith(PREFIX)) storage.removeItem(key);
}
