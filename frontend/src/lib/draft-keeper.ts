import type { DraftStore } from './draft-store';
import { ApiError, messageOf } from './errors';

export type DraftStatus =
  | 'saved'
  /** Changed, will be sent in a moment. */
  | 'changed'
  | 'saving'
  /** The server cannot be reached; the draft is in this browser and is sent when it can. */
  | 'offline'
  /** Another tab or computer saved in between: the reader chooses. */
  | 'conflict'
  /** The server says no; nothing is sent until something changes. */
  | 'refused';

export interface Saved<Extra> {
  revision: number;
  extra: Extra;
}

export interface DraftState<Body, Extra> {
  status: DraftStatus;
  body: Body;
  revision: number;
  /** What the server derived at the last save. */
  extra: Extra;
  message: string | null;
  /** In a conflict: what the server has. */
  theirs: { revision: number; body: Body } | null;
  /** The browser could not keep a copy (private mode, full disk). */
  unkept: boolean;
  /** Grows when the body is replaced by another draft, so that what was drawn from it is drawn anew. */
  generation: number;
}

interface Options<Body, Extra> {
  revision: number;
  body: Body;
  extra: Extra;
  save: (revision: number, body: Body, keepalive: boolean) => Promise<Saved<Extra>>;
  /** The server's draft of a 409 stale_draft. */
  staleBody: (error: ApiError) => { revision: number; body: Body } | null;
  store: DraftStore<Body>;
  /** Whether two bodies say the same; they may come back with keys in another order. */
  same: (a: Body, b: Body) => boolean;
  /** Quiet time after a change before it is sent, ms. */
  delay?: number;
}

const RETRY_AFTER = [2_000, 4_000, 8_000, 15_000];

/**
 * Keeps a draft on the server and, until it is there, in the browser. No React: the states can be tested.
 *
 * Saves name the revision they edit; only one is under way at a time, and what changed meanwhile goes
 * with the next. A lost network is tried again; a conflict waits for the reader.
 */
export class DraftKeeper<Body, Extra> {
  state: DraftState<Body, Extra>;
  private readonly listeners = new Set<() => void>();
  private readonly delay: number;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private running: Promise<void> | null = null;
  private failures = 0;
  private dirty = false;
  private closed = false;

  constructor(private readonly options: Options<Body, Extra>) {
    const { revision, body, extra, store } = options;
    this.delay = options.delay ?? 600;
    this.state = { status: 'saved', revision, body, extra, message: null, theirs: null, unkept: false, generation: 0 };
    const kept = store.read();
    if (!kept) return;
    if (options.same(kept.body, body)) store.clear();
    else if (kept.revision === revision) {
      this.state = { ...this.state, body: kept.body, status: 'changed' };
      this.dirty = true;
    } else {
      this.state = { ...this.state, body: kept.body, status: 'conflict', theirs: { revision, body } };
      this.dirty = true;
    }
  }

  /** Sends what an earlier page could only keep in the browser. */
  start(): void {
    this.closed = false;
    if (this.state.status === 'changed') this.schedule(this.delay);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getState = (): DraftState<Body, Extra> => this.state;

  change(body: Body): void {
    this.dirty = true;
    const status = this.state.status === 'conflict' || this.state.status === 'offline' ? this.state.status : 'changed';
    this.set({ body, status, message: status === 'changed' ? null : this.state.message, unkept: !this.keep(body) });
    if (status !== 'conflict') this.schedule(status === 'offline' ? this.retryDelay() : this.delay);
  }

  /** Takes over what somebody else saved, where nothing here is unsent or newer. */
  adopt(revision: number, body: Body, extra: Extra): void {
    if (this.dirty || this.running || revision <= this.state.revision) return;
    const generation = this.state.generation + (this.options.same(body, this.state.body) ? 0 : 1);
    this.set({ revision, body, extra, status: 'saved', message: null, generation });
  }

  /** Sends what is not sent yet, now. True when the server has everything. */
  async flush(keepalive = false): Promise<boolean> {
    this.unschedule();
    while (this.running) await this.running;
    if (this.dirty && this.state.status !== 'conflict') {
      await this.send(keepalive);
      if (this.dirty && this.state.status === 'changed') return this.flush(keepalive);
    }
    return !this.dirty;
  }

  /** Tries at once, e.g. when the network is back. */
  retry(): void {
    if (this.dirty && this.state.status === 'offline') void this.flush();
  }

  /** Ends a conflict: `mine` overwrites the server's, `theirs` takes it. */
  resolve(choice: 'mine' | 'theirs'): void {
    const { theirs, body } = this.state;
    if (!theirs) return;
    if (choice === 'theirs') {
      this.dirty = false;
      this.options.store.clear();
      this.set({
        status: 'saved',
        body: theirs.body,
        revision: theirs.revision,
        theirs: null,
        message: null,
        generation: this.state.generation + 1,
      });
    } else {
      this.set({ status: 'changed', revision: theirs.revision, theirs: null, message: null });
      this.keep(body);
      void this.flush();
    }
  }

  /** After signing: the draft is done, here and there. */
  finish(): void {
    this.unschedule();
    this.dirty = false;
    this.options.store.clear();
  }

  close(): void {
    this.closed = true;
    this.unschedule();
  }

  get unsent(): boolean {
    return this.dirty;
  }

  private schedule(after: number): void {
    this.unschedule();
    if (!this.closed) this.timer = setTimeout(() => void this.flush(), after);
  }

  private unschedule(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private retryDelay(): number {
    return RETRY_AFTER[Math.min(this.failures, RETRY_AFTER.length) - 1] ?? this.delay;
  }

  private keep(body: Body): boolean {
    return this.options.store.write({ revision: this.state.revision, body });
  }

  private send(keepalive: boolean): Promise<void> {
    const { body, revision } = this.state;
    this.dirty = false;
    this.set({ status: 'saving' });
    this.running = this.options
      .save(revision, body, keepalive)
      .then((saved) => this.confirmed(saved), (error: unknown) => this.failed(error))
      .finally(() => {
        this.running = null;
      });
    return this.running;
  }

  private confirmed({ revision, extra }: Saved<Extra>): void {
    this.failures = 0;
    this.set({ revision, extra, message: null, status: this.dirty ? 'changed' : 'saved' });
    if (this.dirty) this.keep(this.state.body);
    else this.options.store.clear();
  }

  private failed(error: unknown): void {
    this.dirty = true;
    const message = messageOf(error);
    const theirs = error instanceof ApiError && error.code === 'stale_draft' ? this.options.staleBody(error) : null;
    if (theirs) {
      this.set({ status: 'conflict', theirs, message });
    } else if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
      this.set({ status: 'refused', message });
    } else {
      this.failures += 1;
      this.set({ status: 'offline', message });
      this.schedule(this.retryDelay());
    }
    this.set({ unkept: !this.keep(this.state.body) });
  }

  private set(part: Partial<DraftState<Body, Extra>>): void {
    this.state = { ...this.state, ...part };
    if (!this.closed) this.listeners.forEach((listener) => listener());
  }
}
