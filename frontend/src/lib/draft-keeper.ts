import type { DraftOptions, DraftState, Saved, ServerDraft } from './draft-state';
import type { Aside } from './draft-store';
import { ApiError, isUnanswered, reasonOf } from './errors';

export type { DraftState, DraftStatus, Saved } from './draft-state';

const RETRY_AFTER = [2_000, 4_000, 8_000, 15_000];
/** Refusals of what was sent, not of who sent it or when: the same body never gets through. */
const REFUSES_BODY = [400, 409, 413, 500];

/**
 * Keeps a draft on the server and, until it is there, in the browser. No React: the states can be tested.
 *
 * Saves name the revision they edit; only one is under way at a time, and what changed meanwhile goes
 * with the next. A lost network is tried again. What another tab saved is merged; where it clashes, the
 * reader chooses.
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
  /** What the server had at the state's revision; null where an older page's copy does not say. */
  private base: Body | null;
  /** Sent, and not known to have arrived. It is sent again before anything newer, so that it can be told. */
  private sent: Body | null = null;

  constructor(private readonly options: DraftOptions<Body, Extra>) {
    const { revision, body, extra, store } = options;
    this.delay = options.delay ?? 600;
    this.base = body;
    const asides = store.asides();
    this.state = { status: 'saved', revision, body, extra, message: null, theirs: null, asides, unkept: false };
    const kept = store.read();
    if (!kept) return;
    if (options.same(kept.body, body)) {
      store.clear();
      return;
    }
    this.dirty = true;
    this.state = { ...this.state, body: kept.body, status: 'changed' };
    this.sent = kept.sent ?? null;
    if (kept.revision === revision) return;
    this.base = kept.base ?? null;
    this.meet({ revision, body, extra }, this.sent, null);
  }

  get key(): string {
    return this.options.store.key;
  }

  get unsent(): boolean {
    return this.dirty;
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
    if (this.state.status === 'ended') return;
    this.dirty = true;
    const status = this.state.status === 'conflict' || this.state.status === 'offline' ? this.state.status : 'changed';
    this.set({ body, status, message: status === 'changed' ? null : this.state.message });
    this.keep();
    if (status !== 'conflict') this.schedule(status === 'offline' ? this.retryDelay() : this.delay);
  }

  /** Takes over what somebody else saved, where nothing here is unsent or newer. */
  adopt(revision: number, body: Body, extra: Extra): void {
    if (this.dirty || this.running || revision <= this.state.revision) return;
    this.take({ revision, body, extra }, body);
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

  /** Tries at once, e.g. when the network is back or the reader asks. */
  retry(): void {
    if (this.dirty && (this.state.status === 'offline' || this.state.status === 'refused')) void this.flush();
  }

  /** The two ways to end a conflict: everything that does not clash is in both. */
  choices(theirs = this.state.theirs): { mine: Body; theirs: Body } {
    const { body } = this.state;
    if (!theirs) return { mine: body, theirs: body };
    const { merge } = this.options;
    return merge && this.base !== null ? merge(this.base, body, theirs.body) : { mine: body, theirs: theirs.body };
  }

  /** Ends a conflict; the way not taken is set aside. */
  resolve(choice: 'mine' | 'theirs'): void {
    const { theirs, asides } = this.state;
    if (!theirs) return;
    const { [choice]: chosen, [choice === 'mine' ? 'theirs' : 'mine']: other } = this.choices();
    this.setAside([...asides, { at: Date.now(), chosen, other }]);
    this.take(theirs, chosen);
    if (this.dirty) void this.flush();
  }

  /** Turns a choice round; what was entered since stays. What is left by it is set aside in turn. */
  takeBack(aside: Aside<Body>): void {
    const { body, asides, status } = this.state;
    if (status === 'conflict' || status === 'ended') return;
    const back = this.options.merge?.(aside.chosen, body, aside.other).theirs ?? aside.other;
    this.setAside([...asides.filter((one) => one !== aside), { at: Date.now(), chosen: back, other: body }]);
    this.change(back);
  }

  /** What the server has instead of what a signature named. */
  stale(error: ApiError): void {
    const theirs = this.options.staleBody(error);
    if (theirs) this.meet(theirs, null, null);
    if (this.state.status === 'changed') this.schedule(this.delay);
  }

  /** After signing: the draft is done, here and there. */
  finish(): void {
    this.unschedule();
    this.dirty = false;
    this.sent = null;
    this.options.store.clearAll();
  }

  close(): void {
    this.closed = true;
    this.unschedule();
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

  private keep(): void {
    if (this.closed) return; // the page that took its place has taken its copy too
    const { revision, body } = this.state;
    this.set({ unkept: !this.options.store.write({ revision, body, base: this.base, sent: this.sent }) });
  }

  private setAside(asides: Aside<Body>[]): void {
    this.options.store.keepAsides(asides);
    this.set({ asides });
  }

  private send(keepalive: boolean): Promise<void> {
    const unknown = this.sent;
    const body = unknown ?? this.state.body;
    this.dirty = false;
    this.sent = body;
    this.set({ status: 'saving' });
    this.running = this.options
      .save(this.state.revision, body, keepalive)
      .then((saved) => this.confirmed(saved, body), (error: unknown) => this.failed(error, body, unknown))
      .finally(() => {
        this.running = null;
      });
    return this.running;
  }

  private confirmed({ revision, extra }: Saved<Extra>, body: Body): void {
    this.failures = 0;
    this.base = body;
    this.sent = null;
    this.dirty = !this.options.same(body, this.state.body);
    this.set({ revision, extra, message: null, status: this.dirty ? 'changed' : 'saved' });
    if (this.dirty) this.keep();
    else this.options.store.clear();
  }

  private failed(error: unknown, body: Body, unknown: Body | null): void {
    this.dirty = true;
    const message = reasonOf(error);
    const refusal = error instanceof ApiError ? error : null;
    const theirs = refusal?.code === 'stale_draft' ? this.options.staleBody(refusal) : null;
    if (theirs) {
      if (unknown !== null) this.options.onLanded?.(this.options.same(theirs.body, body));
      this.meet(theirs, body, message);
      return;
    }
    if (refusal?.code === 'already_signed') {
      this.finish();
      this.set({ status: 'ended', message });
      return;
    }
    if (!isUnanswered(error)) this.sent = REFUSES_BODY.includes(refusal?.status ?? 0) ? null : unknown;
    if (refusal && refusal.status >= 400 && refusal.status < 500 && refusal.status !== 429) {
      this.set({ status: 'refused', message });
    } else {
      this.failures += 1;
      this.set({ status: 'offline', message });
      this.schedule(this.retryDelay());
    }
    this.keep();
  }

  /** The server moved on: by a save of this page whose answer was lost, or by somebody else's. */
  private meet(theirs: ServerDraft<Body, Extra>, sent: Body | null, message: string | null): void {
    const { same } = this.options;
    const arrived = sent !== null && same(theirs.body, sent);
    const { mine, theirs: other } = arrived ? { mine: this.state.body, theirs: this.state.body } : this.choices(theirs);
    this.sent = null;
    if (same(mine, other)) {
      this.take(theirs, mine);
      return;
    }
    this.dirty = true;
    this.set({ status: 'conflict', theirs, message });
    this.keep();
  }

  /** Goes on from the server's draft with `body`. */
  private take({ revision, extra, body: base }: ServerDraft<Body, Extra>, body: Body): void {
    const { same, store } = this.options;
    this.failures = 0;
    this.base = base;
    this.dirty = !same(body, base);
    this.set({ status: this.dirty ? 'changed' : 'saved', revision, extra, body, theirs: null, message: null });
    if (this.dirty) this.keep();
    else store.clear();
  }

  private set(part: Partial<DraftState<Body, Extra>>): void {
    this.state = { ...this.state, ...part };
    if (!this.closed) this.listeners.forEach((listener) => listener());
  }
}
