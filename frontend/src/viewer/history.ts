import { sameJson } from '@/lib/same-json';

/** Undo and redo over whole values; each change with the same `merge` name joins the one before it. */
export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private merging: string | null = null;

  constructor(public now: T) {}

  /** Whether this is a step of its own. */
  push(next: T, merge: string | null = null): boolean {
    const own = merge === null || merge !== this.merging;
    if (own) this.past.push(this.now);
    this.merging = merge;
    this.now = next;
    this.future = [];
    return own;
  }

  /** The next change is a step of its own. */
  settle(): void {
    this.merging = null;
  }

  /** Takes over what did not come from here: `now` counts, and what can be undone or done again is revised to fit. */
  revise(now: T, revised: (value: T) => T): void {
    const differ = (value: T, index: number, all: T[]) => !sameJson(value, index + 1 < all.length ? all[index + 1] : now);
    this.past = this.past.map(revised).filter(differ);
    this.future = this.future.map(revised).filter(differ);
    this.now = now;
    this.merging = null;
  }

  undo(): boolean {
    return this.step(this.past, this.future);
  }

  redo(): boolean {
    return this.step(this.future, this.past);
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  private step(from: T[], to: T[]): boolean {
    if (from.length === 0) return false;
    to.push(this.now);
    this.now = from.pop() as T;
    this.merging = null;
    return true;
  }
}
