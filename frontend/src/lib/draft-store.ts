/**
 * Drafts kept in this browser until the server has them.
 *
 * localStorage, because a closing page can still write to it. Every open page has an entry of its own, so
 * that one tab's saved draft never takes another's unsent one away. Entries bear the reader's name: pages
 * look up those of who is signed in and nobody else's, and touch no others.
 */
const PREFIX = 'odontoid:draft:';
const ASIDE = 'odontoid:aside:';
/** Of seconds of work that go with the next save. */
export const SECONDS = 'odontoid:seconds:';
/** Begins the name of a draft that is a consensus session's; a read's is the code of its case. */
const CONSENSUS = 'consensus-';
export const consensusDraft = (code: string) => CONSENSUS + code;

/** A draft's name in words: "case c0ffee", "consensus beef". */
export function inWords(name: string): string {
  return name.startsWith(CONSENSUS) ? `consensus ${name.slice(CONSENSUS.length)}` : `case ${name}`;
}

export interface KeptDraft<Body> {
  /** The server's revision that the body was edited from. */
  revision: number;
  body: Body;
  /** What the server had at that revision. */
  base?: Body | null;
  /** Sent without an answer: the server may have it as the next revision. */
  sent?: Body | null;
  /** When it was written; the newest of a case is taken up first. */
  at?: number;
}

/** A choice between two drafts, kept until the read is signed so that it can be taken back. */
export interface Aside<Body> {
  at: number;
  chosen: Body;
  other: Body;
}

export interface DraftStore<Body> {
  /** One draft of one reader. */
  key: string;
  /** The newest draft that any page of this browser could not send. */
  read(): KeptDraft<Body> | null;
  /** False when the browser has no room or no storage: the caller says so. */
  write(draft: KeptDraft<Body>): boolean;
  /** Forgets what this page wrote, and what it took up with `read`. */
  clear(): void;
  asides(): Aside<Body>[];
  keepAsides(asides: Aside<Body>[]): void;
  /** Forgets everything of this draft: it is signed. */
  clearAll(): void;
}

export function draftStore<Body>(username: string, code: string, storage: Storage = window.localStorage): DraftStore<Body> {
  const key = `${username}:${code}`;
  const shared = PREFIX + key; // as pages wrote it before each had its own
  const own = `${shared}#${Math.random().toString(36).slice(2)}`;
  let taken: { key: string; text: string } | null = null;
  const entries = () => keysOf(storage).filter((one) => one === shared || one.startsWith(`${shared}#`));

  function drop(what: typeof taken): void {
    // Written again since: its page is open and has newer changes.
    if (what && storage.getItem(what.key) === what.text) storage.removeItem(what.key);
  }
  return {
    key,
    read() {
      const kept = entries().flatMap((at) => parsed<KeptDraft<Body>>(storage, at));
      const [newest] = kept.sort((a, b) => (b.value.at ?? 0) - (a.value.at ?? 0));
      taken = newest ? { key: newest.key, text: newest.text } : null;
      return newest?.value ?? null;
    },
    write(draft) {
      try {
        storage.setItem(own, JSON.stringify({ at: Date.now(), ...draft }));
      } catch {
        return false;
      }
      drop(taken);
      taken = null;
      return true;
    },
    clear() {
      quietly(() => {
        storage.removeItem(own);
        drop(taken);
        taken = null;
      });
    },
    asides() {
      return parsed<Aside<Body>[]>(storage, ASIDE + key)[0]?.value ?? [];
    },
    keepAsides(asides) {
      quietly(() => storage.setItem(ASIDE + key, JSON.stringify(asides)));
    },
    clearAll() {
      quietly(() => [...entries(), ASIDE + key].forEach((one) => storage.removeItem(one)));
    },
  };
}

/** Names of one reader's drafts of which this browser alone has something: not sent yet, or not chosen. */
export function unsentDrafts(username: string, storage: Storage = window.localStorage): string[] {
  const codes = [PREFIX, ASIDE].flatMap((prefix) => {
    const mine = `${prefix}${username}:`;
    return keysOf(storage).filter((key) => key.startsWith(mine)).map((key) => key.slice(mine.length).split(/[:#]/)[0] ?? '');
  });
  return [...new Set(codes)];
}

/** Forgets what one reader has in this browser; `drafts` or only the rest. */
export function forget(username: string, drafts: boolean, storage: Storage = window.localStorage): void {
  const mine = (drafts ? [PREFIX, ASIDE, SECONDS] : [SECONDS]).map((prefix) => `${prefix}${username}:`);
  quietly(() => keysOf(storage).filter((key) => mine.some((start) => key.startsWith(start))).forEach((key) => storage.removeItem(key)));
}

function keysOf(storage: Storage): string[] {
  try {
    return Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
  } catch {
    return [];
  }
}

function parsed<T>(storage: Storage, key: string): { key: string; text: string; value: T }[] {
  try {
    const text = storage.getItem(key);
    return text ? [{ key, text, value: JSON.parse(text) as T }] : [];
  } catch {
    return [];
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Storage is switched off or full: nothing was kept there either.
  }
}
