import type { Content } from '@/components/scoring/rubric';
import type { Measurement } from '@/viewer';

/** The finding that McRae's line proposes a grade for. */
export const PROPOSED_FINDING = 'vertical_translocation';

export interface Proposal {
  measurement: Measurement;
  grade: number;
  /** What the reader's grade says beside it, whichever was there first. Both are recorded. */
  answer: 'open' | 'agrees' | 'differs';
}

/** What the last McRae line drawn on a scan proposes; null without one. */
export function proposalFor(scan: string, content: Content, measurements: Measurement[]): Proposal | null {
  const measurement = measurements.filter((one) => one.kind === 'mcrae' && one.scan === scan).at(-1);
  const grade = measurement?.proposed_grade;
  if (!measurement || grade === undefined) return null;
  const given = content[scan]?.grades[PROPOSED_FINDING];
  return { measurement, grade, answer: given === undefined ? 'open' : given === grade ? 'agrees' : 'differs' };
}
