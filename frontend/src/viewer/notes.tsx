import { isAt, KINDS } from './measure';
import type { Refusal } from './measurement-book';
import type { SessionState } from './session-state';
import type { StackScan } from './types';
import classes from './viewer.module.css';

const REFUSED: Record<Exclude<Refusal['why'], 'loading'>, string> = {
  outside: 'No pixel of the image lies there: nothing was measured.',
  together: 'Two points in one place measure nothing: choose another place.',
};

interface Props {
  scan: StackScan;
  slice: number;
  loading: boolean;
  /** It has been loading for longer than a blink. */
  waiting: boolean;
  state: SessionState | null;
}

/** What is said over an image while it is read: what is on its way, what was refused, what the keys do now. */
export function Notes({ scan, slice, loading, waiting, state }: Props) {
  const refused = state?.refused?.scan === scan.key ? state.refused.why : null;
  const pending = state?.pending;
  const aims = pending && pending.byKeys > 0 && isAt(pending.place, scan, slice) ? pending : null;
  // Asked for something of a slice that is not there, it says so at once.
  const comes = loading && (waiting || refused === 'loading');
  return (
    <div className={classes.notes}>
      <p role="status">{comes ? `Loading slice ${slice + 1}…` : aims ? `${nameOf(aims)}: arrow keys move it, Space places it, Esc gives up.` : ''}</p>
      {refused && refused !== 'loading' && <p role="alert">{REFUSED[refused]}</p>}
    </div>
  );
}

function nameOf({ kind, points }: NonNullable<SessionState['pending']>): string {
  return kind === 'ellipse' ? `Corner ${points.length + 1} of the ellipse` : (KINDS[kind].points[points.length] ?? '');
}
