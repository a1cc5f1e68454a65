import { sameJson } from '@/lib/same-json';

import { type Content, type Finding, labelOf, valueOf } from './rubric';

/** What two drafts of one form differ in, a line for each. */
export function describeContent(mine: Content, theirs: Content, rows: Finding[], scans: { key: string; label: string }[]): string[] {
  const lines: string[] = [];
  for (const { key, label } of scans) {
    const [a, b] = [mine[key], theirs[key]];
    if (!a || !b) continue;
    for (const row of rows) {
      const [here, there] = [valueOf(a, row.key), valueOf(b, row.key)];
      if (here !== there) lines.push(`${label}, ${row.label}: ${labelOf(row, here)} here, ${labelOf(row, there)} there`);
    }
    if (a.exclusion_text !== b.exclusion_text) lines.push(`${label}: the reason to exclude, in words`);
    if (!sameJson(a.comments, b.comments)) lines.push(`${label}: comments`);
    if (!sameJson([a.key_slices, a.key_series], [b.key_slices, b.key_series])) lines.push(`${label}: key slices`);
  }
  return lines;
}
