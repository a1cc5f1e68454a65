import { describeContent } from '@/components/scoring/describe-content';
import type { Finding } from '@/components/scoring/rubric';
import { sameJson } from '@/lib/same-json';

import type { DraftBody } from './api';

/** What two drafts of one case differ in, a line for each. */
export function describeDifferences(
  mine: DraftBody,
  theirs: DraftBody,
  rows: Finding[],
  scans: { key: string; label: string }[],
): string[] {
  const lines = describeContent(mine.content, theirs.content, rows, scans);
  if (!sameJson(mine.measurements, theirs.measurements)) {
    lines.push(`Measurements: ${mine.measurements.length} here, ${theirs.measurements.length} there`);
  }
  return lines;
}
