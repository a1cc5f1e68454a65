import { mergeContent } from './merge-content';
import { type Content, copyGrades, copyValue, type Grade, isUnreadable, QUALITY, setValue, UNREADABLE } from './rubric';

export interface Place {
  scan: string;
  row: string;
}

interface Act {
  before: Content;
  after: Content;
  place: Place;
  /** What else was there when it was done, such as measurements. */
  beside: unknown;
  merge: string | null;
}

export interface Step {
  content: Content;
  place: Place;
}

/**
 * What the reader did to a form on this page, to be undone and redone; and the grades that “unreadable” set
 * aside, which come back with a readable quality.
 *
 * A step changes the fields of its act alone: what came from another tab meanwhile stays.
 */
export class FormHistory {
  private past: Act[] = [];
  private future: Act[] = [];
  private readonly aside: Record<string, Record<string, Grade>> = {};

  constructor(private readonly same: (a: unknown, b: unknown) => boolean) {}

  /** Takes note of an act; those with one `merge` name in a row, such as the letters of a comment, are one. */
  record(before: Content, after: Content, place: Place, beside: unknown, merge: string | null = null): void {
    const last = this.past.at(-1);
    if (last && merge !== null && last.merge === merge && this.future.length === 0 && this.same(last.beside, beside)) last.after = after;
    else this.past.push({ before, after, place, beside, merge });
    this.future = [];
  }

  /**
   * The content without the last act; null if there is none, or if `beside` is another since, so that something
   * else is to be undone before it. `anyway` does not look at that.
   */
  undo(now: Content, beside: unknown, anyway = false): Step | null {
    const act = this.past.at(-1);
    if (!act || (!anyway && !this.same(act.beside, beside))) return null;
    this.future.push(act);
    this.past.pop();
    return { content: mergeContent(act.after, now, act.before).theirs, place: act.place };
  }

  /** The same of the act undone last. */
  redo(now: Content, beside: unknown, anyway = false): Step | null {
    const act = this.future.at(-1);
    if (!act || (!anyway && !this.same(act.beside, beside))) return null;
    this.past.push(act);
    this.future.pop();
    return { content: mergeContent(act.before, now, act.after).theirs, place: act.place };
  }

  setValue = (content: Content, scan: string, row: string, value: Grade): Content => {
    const now = content[scan];
    if (now && !isUnreadable(now)) {
      if (row === QUALITY && value === UNREADABLE) this.aside[scan] = now.grades;
      else delete this.aside[scan];
    }
    return setValue(content, scan, row, value, this.aside[scan]);
  };

  copyValue(content: Content, from: string, to: string, row: string): Content {
    return copyValue(content, from, to, row, this.setValue);
  }

  copyGrades(content: Content, from: string, to: string): Content {
    return copyGrades(content, from, to);
  }

  /** How many grades of a scan are set aside. */
  setAside(content: Content, scan: string): number {
    const now = content[scan];
    return now && isUnreadable(now) ? Object.keys(this.aside[scan] ?? {}).length : 0;
  }
}
