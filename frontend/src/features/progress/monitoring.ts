import type { Monitoring } from './api';

/** A bar a reader with what the interval reaches below and above it. */
export function indexBars(rows: Monitoring['disagreement']) {
  return rows.flatMap(({ reader, index: { value, low, high } }) =>
    value == null || low == null || high == null ? [] : [{ reader, value, error: [value - low, high - value] as [number, number] }],
  );
}

/** One row for each re-read number, with every reader's sum after it. */
export function cusumPoints(drift: Monitoring['drift']): Record<string, number>[] {
  const longest = Math.max(0, ...drift.map((row) => row.points.length));
  return Array.from({ length: longest }, (_, index) => {
    const point: Record<string, number> = { number: index + 1 };
    for (const row of drift) {
      const total = row.points[index]?.total;
      if (total !== undefined) point[row.reader] = total;
    }
    return point;
  });
}

export function timePoints(row: Monitoring['times'][number]) {
  return row.points.map((point, index) => ({ number: index + 1, seconds: point.seconds }));
}
