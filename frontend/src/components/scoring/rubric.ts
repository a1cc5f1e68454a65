/** The rubric as the server describes it, and what readers enter into it. Everything here is pure. */
import type { components } from '@/types/api';

type ScanScores = components['schemas']['ScanScoresRequest'];

export type Grade = number | string;

export interface GradeOption {
  /** Never null in a rubric; the schema's grade type allows it for grades not given yet. */
  value: Grade | null;
  label: string;
  description: string;
  /** The key that gives this grade. */
  shortcut: string;
}

export interface Finding {
  key: string;
  label: string;
  group?: string | null;
  group_label?: string | null;
  grades: GradeOption[];
  help: string;
}

export interface Rubric {
  version: number;
  findings: Finding[];
  quality: Finding;
  exclusion_observation: Finding;
}

export interface ScanContent {
  grades: Record<string, Grade>;
  quality: NonNullable<ScanScores['quality']>;
  exclusion_observation: NonNullable<ScanScores['exclusion_observation']>;
  exclusion_text: string;
  comments: Record<string, string>;
  key_slices: Record<string, number>;
  /** Number of the series on screen, and of each key slice that is not of the first. */
  series: number;
  key_series: Record<string, number>;
}

/** By scan key. */
export type Content = Record<string, ScanContent>;

export interface Missing {
  scan: string;
  finding: string;
}

export const QUALITY = 'quality';
export const EXCLUSION = 'exclusion_observation';
export const UNREADABLE = 'unreadable';
const OTHER = 'other';

export function emptyScan(): ScanContent {
  return { grades: {}, quality: '', exclusion_observation: 'none', exclusion_text: '', comments: {}, key_slices: {}, series: 0, key_series: {} };
}

/** Content with every scan and field present, whatever a kept draft left out. */
export function complete(content: Record<string, Partial<ScanContent> | undefined>, scans: string[]): Content {
  return Object.fromEntries(scans.map((scan) => [scan, { ...emptyScan(), ...content[scan] }]));
}

/** The rows of the score panel, in order. */
export function rowsOf(rubric: Rubric): Finding[] {
  return [
    ...rubric.findings,
    { ...rubric.quality, key: QUALITY },
    { ...rubric.exclusion_observation, key: EXCLUSION },
  ];
}

export function isUnreadable(scan: ScanContent): boolean {
  return scan.quality === UNREADABLE;
}

/** Findings of an unreadable scan are not graded: it goes to the study lead. */
export function isGraded(row: string, scan: ScanContent): boolean {
  return row === QUALITY || row === EXCLUSION || !isUnreadable(scan);
}

export function valueOf(scan: ScanContent, row: string): Grade | null {
  if (row === QUALITY) return scan.quality || null;
  if (row === EXCLUSION) return scan.exclusion_observation || null;
  return scan.grades[row] ?? null;
}

function withScan(content: Content, scan: string, change: (current: ScanContent) => ScanContent): Content {
  return { ...content, [scan]: change(content[scan] ?? emptyScan()) };
}

/** An unreadable scan has no grades; a readable one has those back that were set `aside` meanwhile. */
export function setValue(content: Content, scan: string, row: string, value: Grade, aside: Record<string, Grade> = {}): Content {
  return withScan(content, scan, (current) => {
    if (row === QUALITY) {
      const quality = value as ScanContent['quality'];
      const back = isUnreadable(current) ? { ...aside, ...current.grades } : current.grades;
      return { ...current, quality, grades: quality === UNREADABLE ? {} : back };
    }
    if (row === EXCLUSION) {
      const text = value === OTHER ? current.exclusion_text : '';
      return { ...current, exclusion_observation: value as ScanContent['exclusion_observation'], exclusion_text: text };
    }
    return isUnreadable(current) ? current : { ...current, grades: { ...current.grades, [row]: value } };
  });
}

export function setExclusionText(content: Content, scan: string, text: string): Content {
  return withScan(content, scan, (current) => ({ ...current, exclusion_text: text }));
}

export function setComment(content: Content, scan: string, row: string, text: string): Content {
  return withScan(content, scan, (current) => ({ ...current, comments: put(current.comments, row, text || undefined) }));
}

/** Marks the slice of the series on screen for a finding; the same slice again takes the mark away. */
export function toggleKeySlice(content: Content, scan: string, row: string, slice: number): Content {
  return withScan(content, scan, (current) => {
    const { key_slices, key_series, series } = current;
    const marked = key_slices[row] === slice && keySeries(current, row) === series;
    return {
      ...current,
      key_slices: put(key_slices, row, marked ? undefined : slice),
      key_series: put(key_series, row, marked ? undefined : series || undefined),
    };
  });
}

/** Number of the series that a finding's key slice is of. */
export function keySeries(scan: ScanContent, row: string): number {
  return scan.key_series[row] ?? 0;
}

export function setSeries(content: Content, scan: string, series: number): Content {
  if ((content[scan]?.series ?? 0) === series) return content;
  return withScan(content, scan, (current) => ({ ...current, series }));
}

/** Key slices of a series, by default of the one that the read has on screen. */
export function keySlices(scan: ScanContent, series = scan.series): number[] {
  return Object.entries(scan.key_slices).filter(([row]) => keySeries(scan, row) === series).map(([, slice]) => slice);
}

function put<T>(record: Record<string, T>, key: string, value: T | undefined): Record<string, T> {
  const next = { ...record };
  if (value === undefined) delete next[key];
  else next[key] = value;
  return next;
}

/** Copies one row's value from another scan; nothing happens where that one has none. */
export function copyValue(content: Content, from: string, to: string, row: string, set: typeof setValue = setValue): Content {
  const source = content[from];
  const value = source && valueOf(source, row);
  // A case of one scan has nothing to copy to.
  if (value === null || value === undefined || !content[to]) return content;
  const copied = set(content, to, row, value);
  return row === EXCLUSION && source ? setExclusionText(copied, to, source.exclusion_text) : copied;
}

/** Copies every grade that another scan has. */
export function copyGrades(content: Content, from: string, to: string): Content {
  const grades = content[from]?.grades ?? {};
  const target = content[to];
  if (!target || isUnreadable(target) || Object.keys(grades).length === 0) return content;
  return withScan(content, to, (current) => ({ ...current, grades: { ...current.grades, ...grades } }));
}

/** What still has to be entered before signing, in the order of the panel. */
export function missingOf(content: Content, rubric: Rubric, scans: string[]): Missing[] {
  const missing: Missing[] = [];
  for (const { key } of rowsOf(rubric)) {
    for (const scan of scans) {
      const entered = content[scan] ?? emptyScan();
      if (!isGraded(key, entered)) continue;
      const lacksText = key === EXCLUSION && entered.exclusion_observation === OTHER && !entered.exclusion_text.trim();
      if (valueOf(entered, key) === null || lacksText) missing.push({ scan, finding: key });
    }
  }
  return missing;
}

/** Whether comments and key slices belong to this row: they do to findings, not to the scan's quality. */
export function isFinding(row: string): boolean {
  return row !== QUALITY && row !== EXCLUSION;
}

/** The option a key stands for in this row. */
export function optionFor(row: Finding, key: string): GradeOption | undefined {
  return row.grades.find(({ shortcut }) => shortcut === key);
}

export function labelOf(row: Finding, value: Grade | null): string {
  return row.grades.find((option) => option.value === value)?.label ?? '–';
}

/** How a category is written out. */
export const CATEGORY_LABEL: Record<string, string> = {
  case: 'Case',
  intermediate: 'Intermediate',
  clean: 'Clean',
};
