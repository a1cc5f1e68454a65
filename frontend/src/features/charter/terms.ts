import type { Terms } from './api';

/** What each term of the charter decides, in the lead's words. */
export const TERMS: Record<string, { label: string; meaning: string }> = {
  read_design: { label: 'Read design', meaning: 'Paired: both scans of a patient side by side. Independent: single scans in random order.' },
  min_gap_reads: { label: 'Least gap between a patient’s scans', meaning: 'Reads in between, in the independent design.' },
  discrepancy_rule: { label: 'What counts as a discrepancy', meaning: 'A different category, or any differing finding.' },
  consensus: { label: 'Consensus session', meaning: 'Whether the two observers discuss a discrepancy before the neurosurgeon reads.' },
  reread_share: { label: 'Re-read share', meaning: 'Cases that come back to each observer under new codes.' },
  washout_reads: { label: 'Wash-out', meaning: 'Other reads between a case and its return, at least.' },
  sham_share: { label: 'Control share', meaning: 'Concordant cases mixed into the neurosurgeon’s queue; they never change a label.' },
  plan_seed: { label: 'Seed of the reading order', meaning: 'Regenerates each reader’s order identically.' },
  sham_seed: { label: 'Seed of the control cases', meaning: 'Regenerates the choice of control cases identically.' },
  rubric_version: { label: 'Rubric version', meaning: 'The findings, grades and wording the readers score with.' },
  intermediate_policy: { label: 'Intermediate follow-up', meaning: 'Whether a doubtful follow-up counts as no deformity, as deformity, or leaves the label set.' },
  qualification_required: { label: 'Qualification first', meaning: 'Whether readers see their first case only after passing a test on phantoms with known truth.' },
  qualification_cases: { label: 'Cases of a test', meaning: 'Phantom cases of one attempt, each with two scans; a multiple of six, within which no constant answer passes.' },
  pass_pannus: { label: 'Pass mark: pannus', meaning: 'Scans of a test to be graded exactly as the truth is; above two thirds.' },
  pass_vertical_translocation: { label: 'Pass mark: vertical translocation', meaning: 'Scans of a test to be graded exactly as the truth is; above two thirds.' },
  pass_dens_erosion: { label: 'Pass mark: dens erosion', meaning: 'Scans of a test to be graded exactly as the truth is; above two thirds.' },
  pass_facet_blossoming: { label: 'Pass mark: facet blossoming', meaning: 'The four joints together, in the scans of a test; above two thirds.' },
  min_interval_days: { label: 'Least interval between scans', meaning: 'Days from baseline to follow-up.' },
};

export const SHARES: ReadonlySet<string> = new Set([
  'reread_share', 'sham_share', 'pass_pannus', 'pass_vertical_translocation', 'pass_dens_erosion', 'pass_facet_blossoming',
]);

/** Terms with a fixed set of values; the others are switches and numbers. */
export const CHOICES: Partial<Record<keyof Terms, readonly string[]>> = {
  read_design: ['paired', 'independent'],
  discrepancy_rule: ['category', 'any_finding'],
  intermediate_policy: ['negative', 'exclude', 'positive'],
};

/** In the order of the form. The rubric's version follows the server. */
export const EDITABLE: readonly (keyof Terms)[] = [
  'read_design', 'min_gap_reads', 'discrepancy_rule', 'consensus', 'sham_share', 'reread_share', 'washout_reads', 'intermediate_policy',
  'min_interval_days', 'qualification_required', 'qualification_cases', 'pass_pannus', 'pass_vertical_translocation',
  'pass_dens_erosion', 'pass_facet_blossoming', 'plan_seed', 'sham_seed',
];

/** The terms of a draft that differ from what it started from. */
export function changesOf(base: Terms, draft: Terms): Record<string, Terms[keyof Terms]> {
  return Object.fromEntries(Object.entries(draft).filter(([key, value]) => base[key as keyof Terms] !== value));
}

export function describeTerm(key: string, value: string | number | boolean | null): string {
  if (value === null) return 'drawn at freezing';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number' && SHARES.has(key)) return `${Math.round(1000 * value) / 10} %`;
  if (key === 'min_interval_days') return `${value} days`;
  return String(value).replaceAll('_', ' ');
}
