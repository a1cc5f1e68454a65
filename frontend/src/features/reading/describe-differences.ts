import { type Finding, labelOf, valueOf } from '@/components/scoring/rubric';
import { sameJson } from '@/lib/same-json';

import type { DraftBody } from './api';

/** What two drafts of one case differ in, a line for each. */
export function describeDifferences(
  mine: DraftBody,
  theirs: DraftBody,
  rows: Finding[],
  scans: { key: string; label: string }[],
): string[] {
  const lines: string[] = [];
  for (const { key, label } of scans) {
    const [a, b] = [mine.content[key], theirs.content[key]];
    if (!a || !b) continue;
    for (const row of rows) {
      const [here, there] = [valueOf(a, row.key), valueOf(b, row.key)];
      if (here !== there) lines.push(`${label}, ${row.label}: ${labelOf(row, here)} here, ${labelOf(row, there)} there`);
    }
    if (!sameJson(a.comments, b.comments) || a.exclusion_text !== b.exclusion_text) lines.push(`${label}: comments`);
    if (!sameJson([a.key_slices, a.key_series], [b.key_slices, b.key_series])) lines.push(`${label}: key slices`);
  }
  if (!sameJson(mine.measurements, theirs.measurements)) {
    lines.push(`Measurements: ${mine.measurements.length} here, ${theirs.measurements.length} there`);
  }
  return lines;
}
