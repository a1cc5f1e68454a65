import { words } from '@/lib/format';

/** Reasons of exclusion and chart decisions, in plain words; a new one shows as its key. */
const REASONS: Record<string, string> = {
  no_imaging: 'No exam on record',
  no_cervical_mri: 'No cervical MRI',
  single_mri: 'A single cervical MRI',
  short_interval: 'First and last MRI too close',
  no_ra_code: 'No code of rheumatoid arthritis',
  no_sagittal_t2: 'No sagittal T2 at baseline',
  sagittal_t2_unknown: 'Not known whether sagittal T2 at baseline',
  unreadable: 'Baseline scan not readable',
  baseline_deformity: 'Deformity at baseline',
  confirmed: 'RA confirmed',
  ra_refuted: 'RA refuted on chart review',
  no_adequate_follow_up: 'No adequate follow-up scan',
  junction_surgery: 'Surgery at the craniocervical junction',
  odontoid_fracture: 'Odontoid fracture',
};

/** "Sagittal T2"; says so where the headers do not tell. */
export function seriesName({ plane, weighting }: { plane: string; weighting: string }): string {
  const known = (text: string) => text !== '' && text !== 'unknown';
  const contrast = /^t\d/i.test(weighting) ? weighting.toUpperCase() : weighting.toLowerCase();
  return `${known(plane) ? words(plane) : 'Unknown plane,'} ${known(weighting) ? contrast : 'unknown weighting'}`;
}

export function siteName(site: string): string {
  return site || 'No site';
}

export function describeReason(reason: string): string {
  return REASONS[reason] ?? words(reason);
}
