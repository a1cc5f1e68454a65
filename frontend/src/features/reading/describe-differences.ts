import { describeContent } from '@/components/scoring/describe-content';
import type { Finding } from '@/components/scoring/rubric';
import { sameJson } from '@/lib/same-json';
import { KINDS, type Measurement, resultOf } from '@/viewer';

import type { DraftBody } from './api';

type Scans = { key: string; label: string }[];

/** What two drafts of one case differ in, a line for each. */
export function describeDifferences(mine: DraftBody, theirs: DraftBody, rows: Finding[], scans: Scans): string[] {
  return [
    ...describeContent(mine.content, theirs.content, rows, scans),
    ...describeMeasurements(mine.measurements, theirs.measurements, scans),
  ];
}

function describeMeasurements(mine: Measurement[], theirs: Measurement[], scans: Scans): string[] {
  const ids = new Set([...mine, ...theirs].map(({ id }) => id));
  return [...ids].flatMap((id) => {
    const [here, there] = [mine, theirs].map((some) => some.find((one) => one.id === id));
    const one = here ?? there;
    if (!one || sameJson(here, there)) return [];
    const name = `${scans.find(({ key }) => key === one.scan)?.label ?? one.scan}, ${KINDS[one.kind].label}`;
    if (!here || !there) return [`${name}: ${written(one)}, only ${here ? 'here' : 'there'}`];
    // Moved without another result, the same words would stand twice.
    if (written(here) === written(there)) return [`${name}: ${written(one)}, its points differ`];
    return [`${name}: ${written(here)} here, ${written(there)} there`];
  });
}

function written(measurement: Measurement): string {
  const { series, slice } = measurement;
  return `${resultOf(measurement)} (${series ? `series ${series + 1}, ` : ''}slice ${slice + 1})`;
}
