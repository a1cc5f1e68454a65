import { plural } from '@/lib/format';

export interface StudyState {
  identified: number;
  included: number;
  /** Cases by state. */
  cases: Record<string, number>;
  labels: number;
  /** Newest label set, if any. */
  labelSet: { frozenAt: string } | null;
  /** When the newest final label was decided. */
  newestLabel: string | null;
  leadReview: number;
  quarantined: number;
  run: { id: number; state: string } | null;
}

export interface NextAction {
  text: string;
  label: string;
  to: string;
}

/** What the lead would do now; the first thing that holds the study up wins. */
export function nextAction(study: StudyState): NextAction | null {
  const cases = Object.values(study.cases).reduce((sum, n) => sum + n, 0);
  const open = cases - (study.cases.final ?? 0) - (study.cases.closed ?? 0);
  if (study.identified === 0) return { text: 'No patient has been imported.', label: 'Import a cohort', to: '/cohort/import' };
  if (study.leadReview > 0) {
    return { text: `${plural(study.leadReview, 'case')} with an unreadable or questioned scan: your decision is needed.`, label: 'Decide', to: '/progress' };
  }
  if (study.quarantined > 0) return { text: `In quarantine: ${study.quarantined} series.`, label: 'Look at them', to: '/cohort/import' };
  if (study.included === 0 && cases === 0) {
    return { text: 'No patient meets every criterion yet. The flow says what is missing.', label: 'See the flow', to: '/cohort' };
  }
  if (cases === 0) return { text: `${study.included} patients are eligible and reading has not been opened.`, label: 'Open reading', to: '/progress' };
  if (study.run?.state === 'failed') return { text: `Run ${study.run.id} failed.`, label: 'See why', to: `/runs/${study.run.id}` };
  const newer = study.newestLabel !== null && (!study.labelSet || study.newestLabel > study.labelSet.frozenAt);
  if (newer && open === 0) return { text: 'All cases are final and not yet frozen.', label: 'Freeze the labels', to: '/labels' };
  if (study.run && (study.run.state === 'running' || study.run.state === 'queued')) {
    return { text: `Run ${study.run.id} is ${study.run.state}.`, label: 'Watch it', to: `/runs/${study.run.id}` };
  }
  if (open > 0) return { text: `${open} of ${cases} cases are still being read or settled.`, label: 'See the progress', to: '/progress' };
  if (study.run) return { text: `Run ${study.run.id} is the newest result.`, label: 'Open it', to: `/runs/${study.run.id}` };
  return null;
}
