/** Undo and redo over whole values; each change with the same `merge` name joins the one before it. */
export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private merging: string | null = null;

  constructor(public now: T) {}

  push(next: T, merge: string | null = null): void {
    if (merge === null || merge !== this.merging) this.past.push(this.now);
    this.merging = merge;
    this.now = next;
    this.future = [];
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
