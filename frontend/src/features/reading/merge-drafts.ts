import { type MergedDrafts, mergeContent } from '@/components/scoring/merge-content';
import { type Fields, threeWay } from '@/lib/three-way';
import type { Measurement } from '@/viewer';

import type { DraftBody } from './api';

/** Merges two drafts of a read made of one base: the form field by field, measurements one by one. */
export function mergeDrafts(base: DraftBody, mine: DraftBody, theirs: DraftBody): MergedDrafts<DraftBody> {
  const content = mergeContent(base.content, mine.content, theirs.content);
  const [was, here, there] = [base, mine, theirs].map(({ measurements }) => byId(measurements)) as [Fields, Fields, Fields];
  const merged = threeWay(was, here, there);
  const order = [...new Set([...Object.keys(here), ...Object.keys(there)])];
  const drawn = (fields: Fields) => order.flatMap((id) => (fields[id] === undefined ? [] : [fields[id] as Measurement]));
  return {
    mine: { content: content.mine, measurements: drawn(merged.mine) },
    theirs: { content: content.theirs, measurements: drawn(merged.theirs) },
  };
}

function byId(measurements: Measurement[]): Fields {
  return Object.fromEntries(measurements.map((one) => [one.id, one]));
}
