import type { Aside, DraftStore } from './draft-store';
import type { ApiError } from './errors';

export type DraftStatus =
  | 'saved'
  /** Changed, will be sent in a moment. */
  | 'changed'
  | 'saving'
  /** The server cannot be reached; the draft is in this browser and is sent when it can. */
  | 'offline'
  /** Another tab or computer saved something else in the same place: the reader chooses. */
  | 'conflict'
  /** The server says no; nothing is sent until something changes or the reader asks. */
  | 'refused'
  /** Signed meanwhile, in another tab or by a signature whose answer was lost. */
  | 'ended';

export interface Saved<Extra> {
  revision: number;
  extra: Extra;
}

export interface ServerDraft<Body, Extra> extends Saved<Extra> {
  body: Body;
}

export interface DraftState<Body, Extra> {
  status: DraftStatus;
  body: Body;
  revision: number;
  /** What the server derived at the last save. */
  extra: Extra;
  message: string | null;
  /** In a conflict: what the server has. */
  theirs: ServerDraft<Body, Extra> | null;
  /** Drafts that were not chosen in a conflict. */
  asides: Aside<Body>[];
  /** The browser could not keep a copy (private mode, full disk). */
  unkept: boolean;
}

export interface DraftOptions<Body, Extra> {
  revision: number;
  body: Body;
  extra: Extra;
  save: (revision: number, body: Body, keepalive: boolean) => Promise<Saved<Extra>>;
  /** The server's draft of a 409 stale_draft. */
  staleBody: (error: ApiError) => ServerDraft<Body, Extra> | null;
  /** Puts two drafts of one base together; the two differ only where both changed the same. */
  merge?: (base: Body, mine: Body, theirs: Body) => { mine: Body; theirs: Body };
  /** It turned out whether a save that got no answer had arrived. */
  onLanded?: (arrived: boolean) => void;
  store: DraftStore<Body>;
  /** Whether two bodies say the same; they may come back with keys in another order. */
  same: (a: Body, b: Body) => boolean;
  /** Quiet time after a change before it is sent, ms. */
  delay?: number;
}

/** What was derived at the last save is not of what is on screen, and will not be for a while. */
export function isBehind({ status }: { status: DraftStatus }): boolean {
  return status === 'offline' || status === 'conflict' || status === 'refused' || status === 'ended';
}
