/** Where to go in a series once it is there, and which measurement to select. */
export interface Goal {
  slice?: number;
  select?: string;
}

/** Series that were asked for and are not on screen yet: the page brings them. */
export class SeriesOrder {
  /** Who is asked for another series of a scan. */
  source: ((scan: string, series: number) => void) | null = null;
  private readonly awaited = new Map<string, Goal & { series: number }>();

  ask(scan: string, series: number, goal: Goal = {}): void {
    this.awaited.set(scan, { series, ...goal });
    this.source?.(scan, series);
  }

  /** A series is there: what it was asked for. */
  arrived(scan: string, series: number | undefined): Goal {
    const goal = this.awaited.get(scan);
    this.awaited.delete(scan);
    return goal && goal.series === series ? goal : {};
  }
}
