import { type Fields, threeWay } from '@/lib/three-way';

import { type Content, emptyScan, isUnreadable, type ScanContent } from './rubric';

/** Two drafts of one form put together; they differ only where both changed the same field. */
export interface MergedDrafts<Body> {
  mine: Body;
  theirs: Body;
}

/**
 * Merges two drafts made of one base, field by field.
 *
 * Which series is on screen is no field: it stays what it is here.
 */
export function mergeContent(base: Content, mine: Content, theirs: Content): MergedDrafts<Content> {
  // “Unreadable” takes the grades away with it: there the two are one field.
  const whole = new Set(
    [base, mine, theirs].flatMap((content) => Object.keys(content).filter((scan) => isUnreadable(content[scan] ?? emptyScan()))),
  );
  const merged = threeWay(fieldsOf(base, whole), fieldsOf(mine, whole), fieldsOf(theirs, whole));
  return { mine: contentOf(merged.mine, mine), theirs: contentOf(merged.theirs, mine) };
}

function fieldsOf(content: Content, whole: ReadonlySet<string>): Fields {
  const fields: Fields = {};
  for (const [scan, entered] of Object.entries(content)) {
    const { grades, quality, exclusion_observation, exclusion_text, comments, key_slices, key_series } = entered;
    const put = (part: string, value: unknown) => {
      fields[`${scan}/${part}`] = value;
    };
    if (whole.has(scan)) put('scored', { grades, quality });
    else {
      put('quality', quality);
      for (const [row, grade] of Object.entries(grades)) put(`grades/${row}`, grade);
    }
    put('exclusion', { exclusion_observation, exclusion_text });
    for (const [row, text] of Object.entries(comments)) put(`comments/${row}`, text);
    for (const [row, slice] of Object.entries(key_slices)) put(`key/${row}`, [slice, key_series[row]]);
  }
  return fields;
}

function contentOf(fields: Fields, onScreen: Content): Content {
  const content: Content = Object.fromEntries(
    Object.entries(onScreen).map(([scan, { series }]) => [scan, { ...emptyScan(), series }]),
  );
  for (const [key, value] of Object.entries(fields)) {
    const [scan = '', part, row = ''] = key.split('/');
    const entered = content[scan];
    if (!entered) continue;
    if (part === 'grades') entered.grades[row] = value as number | string;
    else if (part === 'comments') entered.comments[row] = value as string;
    else if (part === 'key') {
      const [slice, series] = value as [number, number | undefined];
      entered.key_slices[row] = slice;
      if (series !== undefined) entered.key_series[row] = series;
    } else if (part === 'quality') entered.quality = value as ScanContent['quality'];
    else Object.assign(entered, value as Partial<ScanContent>);
  }
  return content;
}
