import type { Decision } from './api';
import { describeReason } from './wording';

/** In the order of the number keys; the first keeps the patient in the study. */
export const DECISIONS: readonly { key: string; decision: Decision; label: string }[] = (
  ['confirmed', 'ra_refuted', 'no_adequate_follow_up', 'junction_surgery', 'odontoid_fracture', 'other'] as const
).map((decision, index) => ({ key: String(index + 1), decision, label: describeReason(decision) }));

export type ReviewAction =
  | { type: 'choose'; decision: Decision }
  | { type: 'record' | 'note' | 'skip' | 'undo' | 'leave-note' };

interface Key {
  key: string;
  ctrlKey?: boolean;
  metaKey?: boolean;
  altKey?: boolean;
  shiftKey?: boolean;
}

/** What a key does in the chart-review queue; null: it belongs to whatever has the focus. */
export function reviewAction(event: Key, focus: { note: boolean; pressable: boolean }): ReviewAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (focus.note) {
    if (event.key === 'Escape') return { type: 'leave-note' };
    return event.key === 'Enter' && !event.shiftKey ? { type: 'record' } : null;
  }
  if (event.key === 'Enter') return focus.pressable ? null : { type: 'record' };
  const chosen = DECISIONS.find(({ key }) => key === event.key);
  if (chosen) return { type: 'choose', decision: chosen.decision };
  const letters: Record<string, ReviewAction> = { n: { type: 'note' }, s: { type: 'skip' }, u: { type: 'undo' } };
  return letters[event.key.toLowerCase()] ?? null;
}
