const INTERVAL = 160;

/** Plays a stack back and forth until it is stopped. */
export class Cine {
  private timer: ReturnType<typeof setInterval> | null = null;
  private direction = 1;

  constructor(
    /** The slice on screen, of how many; null where there is none. */
    private readonly where: () => { slice: number; slices: number } | null,
    private readonly goTo: (slice: number) => void,
  ) {}

  get plays(): boolean {
    return this.timer !== null;
  }

  play(): void {
    this.stop();
    this.direction = 1;
    this.timer = setInterval(() => this.step(), INTERVAL);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private step(): void {
    const here = this.where();
    if (!here) return;
    const { slice, slices } = here;
    if (slice + this.direction < 0 || slice + this.direction >= slices) this.direction = -this.direction;
    this.goTo(Math.min(slices - 1, Math.max(0, slice + this.direction)));
  }
}
