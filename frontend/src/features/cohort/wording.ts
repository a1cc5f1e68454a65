import { words } from '@/lib/format';

/** Reasons and steps in plain words; the server's labels win where it sends them. */
const REASONS: Record<string, string> = {
  ra_refuted: 'RA refuted on chart review',
  no_adequate_follow_up: 'No adequate follow-up scan',
  junction_surgery: 'Surgery at the craniocervical junction',
  odontoid_fracture: 'Odontoid fracture',
};

export function describeReason(reason: string): string {
  return REASONS[reason] ?? words(reason);
}
