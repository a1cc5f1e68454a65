/** A cell of a reader × reader table: how dark it is drawn, and what it says aloud. */
export interface HeatCell {
  row: string;
  column: string;
  n: number;
  /** 0 to 1, share of the fullest cell of its kind (agreeing or disagreeing). */
  weight: number;
  agrees: boolean;
}

/**
 * Agreement and disagreement are shaded apart, each against its own fullest cell: on one scale the
 * diagonal would wash out the cells the table is drawn for.
 */
export function heatCells(labels: readonly string[], counts: readonly (readonly number[])[]): HeatCell[][] {
  const fullest = (agrees: boolean) =>
    Math.max(1, ...counts.flatMap((line, i) => line.filter((_, j) => (i === j) === agrees)));
  const most = { agree: fullest(true), differ: fullest(false) };
  return labels.map((row, i) =>
    labels.map((column, j) => {
      const n = counts[i]?.[j] ?? 0;
      const agrees = i === j;
      return { row, column, n, agrees, weight: n / (agrees ? most.agree : most.differ) };
    }),
  );
}
