import type { Links } from './links';
import type { MeasurementBook, Pending, Refusal, Selected } from './measurement-book';
import type { Measurement, MeasuringAct, ToolName, ViewState } from './types';
import type { Standing } from './view';

/** What the components draw; replaced, never changed, so that React sees it. */
export interface SessionState {
  views: Record<string, ViewState>;
  active: string;
  tool: ToolName;
  linked: boolean;
  linkedWindow: boolean;
  offsetMm: number;
  solo: string | null;
  cine: boolean;
  preset: number;
  /** What is kept. */
  measurements: Measurement[];
  /** The same with the one that is being dragged. */
  drawn: Measurement[];
  pending: Pending | null;
  selected: Selected | null;
  /** What was just refused, and why. */
  refused: Refusal | null;
  canUndo: boolean;
  canRedo: boolean;
}

export interface SessionOptions {
  measurements: Measurement[];
  /** Nothing is made or changed. */
  locked: boolean;
  /** Index of the window preset to open with. */
  preset: number;
  /** The scan in hand when it opens; the first where left out. */
  active?: string;
  /** Something was placed, measured, changed or removed that can be undone. */
  onMeasured: (act: MeasuringAct) => void;
  /** The graphics card draws no more. */
  onLost: () => void;
  /** How a session on the same scans stood that this one goes on from. */
  before?: SessionStanding | null;
}

/** All that a reader would miss when another renderer takes over. */
export type SessionStanding = Pick<SessionState, 'active' | 'tool' | 'solo' | 'preset'> & {
  views: Record<string, Standing>;
  links: ReturnType<Links['standing']>;
  book: MeasurementBook;
};
