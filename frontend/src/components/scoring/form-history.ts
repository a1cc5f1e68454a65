import type { MeasuringAct } from '@/viewer';

import { mergeContent } from './merge-content';
import { type Content, copyValue, emptyScan, type Grade, isUnreadable, setValue } from './rubric';

export interface Place {
  scan: string;
  row: string;
}

interface Act {
  before: Content;
  after: Content;
  place: Place;
  merge: string | null;
}

/** An act of measuring stands here in its turn, by name: the viewer's own history takes it back. */
type Entry = Act | MeasuringAct;
const isAct = (entry: Entry | undefined): entry is Act => typeof entry === 'object';

/** Takes an act of measuring back, or does it again; false where nothing is left of it. */
type Elsewhere = (act: MeasuringAct) => boolean;

export interface Step {
  content: Content;
  place: Place;
}

/**
 * What the reader did on this page, in order, to be undone and redone; and the grades that “unreadable” set
 * aside, which come back with a readable quality.
 *
 * A step changes the fields of its act alone, and none of them where something else has come since from
 * another tab or the other observer: that stays.
 */
export class FormHistory {
  private past: Entry[] = [];
  private future: Entry[] = [];

  /** Takes note of an act; those with one `merge` name in a row, such as the letters of a comment, are one. */
  record(before: Content, after: Content, place: Place, merge: string | null = null): void {
    const last = this.past.at(-1);
    if (isAct(last) && merge !== null && last.merge === merge && this.future.length === 0) last.after = after;
    else this.past.push({ before, after, place, merge });
    this.future = [];
  }

  /** Takes note that something was done which another history takes back. */
  recordElsewhere(act: MeasuringAct): void {
    this.past.push(act);
    if (act === 'change') this.future = []; // a point alone has changed nothing yet
  }

  /** The content without the last act. Where that was done elsewhere, `elsewhere` takes it back, and there is no content. */
  undo(now: Content, elsewhere: Elsewhere = () => false): Step | null {
    const act = this.last(this.past, this.future, elsewhere);
    return act && { content: mergeContent(act.after, now, act.before).mine, place: act.place };
  }

  /** The same of the act undone last. */
  redo(now: Content, elsewhere: Elsewhere = () => false): Step | null {
    const act = this.last(this.future, this.past, elsewhere);
    return act && { content: mergeContent(act.before, now, act.after).mine, place: act.place };
  }

  get canUndo(): boolean {
    // The points of what was finished or given up stay behind; of one that lacks points, the viewer knows.
    return this.past.some((entry) => entry !== 'point');
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  private last(from: Entry[], to: Entry[], elsewhere: Elsewhere): Act | null {
    for (let entry = from.pop(); entry; entry = from.pop()) {
      if (entry !== 'point') to.push(entry); // a point that was taken back is placed by hand again
      if (isAct(entry)) return entry;
      if (elsewhere(entry)) return null;
      // Nothing is left of it, as where another tab removed what was measured or a point went into a line: the
      // one before is meant.
    }
    return null;
  }

  setValue = (content: Content, scan: string, row: string, value: Grade): Content =>
    setValue(content, scan, row, value, this.asideOf(content, scan));

  copyValue(content: Content, from: string, to: string, row: string): Content {
    return copyValue(content, from, to, row, this.setValue);
  }

  /** How many grades of a scan are set aside. */
  setAside(content: Content, scan: string): number {
    return Object.keys(this.asideOf(content, scan)).length;
  }

  /** The grades that were there when the scan became unreadable by an act on this page. */
  private asideOf(content: Content, scan: string): Record<string, Grade> {
    const unreadable = (at: Content) => isUnreadable(at[scan] ?? emptyScan());
    if (!unreadable(content)) return {};
    const turn = this.past.findLast((entry) => isAct(entry) && unreadable(entry.before) !== unreadable(entry.after));
    return isAct(turn) && unreadable(turn.after) ? (turn.before[scan]?.grades ?? {}) : {};
  }
}
