import { expect, it, vi } from 'vitest';

import type { MeasuringAct } from '@/viewer';

import { FormHistory } from './form-history';
import { complete, type Content, copyGrades, setComment, setValue } from './rubric';

const scans = ['baseline', 'follow_up'];
const seven = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const graded = (): Content => {
  const form = setValue(complete({}, scans), 'baseline', 'quality', 'limited');
  return seven.reduce((content, row) => setValue(content, 'baseline', row, 1), form);
};
/** A form of one reader, as a room keeps it. */
function form(content: Content) {
  const history = new FormHistory();
  const at = { content };
  const give = (scan: string, row: string, value: number | string) => {
    const after = history.setValue(at.content, scan, row, value);
    history.record(at.content, after, { scan, row });
    at.content = after;
  };
  const step = (way: 'undo' | 'redo', elsewhere?: (act: MeasuringAct) => boolean) => {
    const found = history[way](at.content, elsewhere);
    at.content = found?.content ?? at.content;
    return found?.place ?? null;
  };
  return { history, at, give, step };
}

it('sets the grades of an unreadable scan aside and gives them back with a readable quality', () => {
  const { history, at, give } = form(graded());
  give('baseline', 'quality', 'unreadable');
  expect(at.content.baseline?.grades).toEqual({});
  expect(history.setAside(at.content, 'baseline')).toBe(7);
  give('baseline', 'quality', 'unreadable'); // once more changes nothing
  expect(history.setAside(at.content, 'baseline')).toBe(7);
  give('baseline', 'quality', 'adequate');
  expect(at.content.baseline).toMatchObject({ quality: 'adequate', grades: graded().baseline?.grades });
  expect(history.setAside(at.content, 'baseline')).toBe(0);
  expect(history.setAside(at.content, 'follow_up')).toBe(0);
});

it('gives back what was there last, not grades of an earlier time', () => {
  const { at, give } = form(graded());
  give('baseline', 'quality', 'unreadable');
  give('baseline', 'quality', 'adequate');
  give('baseline', 'a', 2);
  give('baseline', 'quality', 'unreadable');
  give('baseline', 'quality', 'limited');
  expect(at.content.baseline?.grades).toMatchObject({ a: 2, b: 1 });
});

it('undoes “unreadable” with the grades it took, and does it again', () => {
  const { history, at, give, step } = form(graded());
  give('baseline', 'quality', 'unreadable');
  expect(step('undo')).toEqual({ scan: 'baseline', row: 'quality' });
  expect(at.content).toEqual(graded());
  step('redo');
  expect(at.content.baseline).toMatchObject({ quality: 'unreadable', grades: {} });
  expect(history.setAside(at.content, 'baseline')).toBe(7);
});

it('copying “unreadable” from the other scan takes nothing away for good either', () => {
  let content = setValue(complete({}, scans), 'baseline', 'quality', 'unreadable');
  content = setValue(content, 'follow_up', 'a', 2);
  const { history, at } = form(content);
  at.content = history.copyValue(content, 'baseline', 'follow_up', 'quality');
  history.record(content, at.content, { scan: 'follow_up', row: 'quality' });
  expect(at.content.follow_up).toMatchObject({ quality: 'unreadable', grades: {} });
  at.content = history.setValue(at.content, 'follow_up', 'quality', 'adequate');
  expect(at.content.follow_up?.grades).toEqual({ a: 2 });
});

it('undoes and redoes one act after the other', () => {
  const { at, give, step } = form(complete({}, scans));
  give('baseline', 'a', 1);
  give('follow_up', 'b', 2);
  expect(step('undo')).toEqual({ scan: 'follow_up', row: 'b' });
  expect(step('undo')).toEqual({ scan: 'baseline', row: 'a' });
  expect(step('undo')).toBeNull();
  expect(at.content).toEqual(complete({}, scans));
  step('redo');
  expect(at.content.baseline?.grades).toEqual({ a: 1 });
  give('baseline', 'a', 0);
  expect(step('redo')).toBeNull();
});

it('leaves what came from elsewhere meanwhile', () => {
  const { at, give, step } = form(complete({}, scans));
  give('baseline', 'a', 1);
  at.content = setValue(at.content, 'baseline', 'b', 2); // another tab's
  step('undo');
  expect(at.content.baseline?.grades).toEqual({ b: 2 });
});

it('leaves another value of the same field that came from elsewhere', () => {
  const { at, give, step } = form(complete({}, scans));
  give('baseline', 'a', 1);
  at.content = setValue(at.content, 'baseline', 'a', 2); // the other observer's, in a consensus
  step('undo');
  expect(at.content.baseline?.grades).toEqual({ a: 2 });
  step('redo');
  expect(at.content.baseline?.grades).toEqual({ a: 2 });
});

it('takes its turn with what another history takes back', () => {
  const { history, at, give, step } = form(complete({}, scans));
  const lines = { undone: 0, redone: 0 };
  const back = () => ((lines.undone += 1), true);
  const again = () => ((lines.redone += 1), true);
  history.recordElsewhere('change');
  give('baseline', 'a', 1);
  history.recordElsewhere('change');
  expect(step('undo', back)).toBeNull();
  expect([lines.undone, at.content.baseline?.grades]).toEqual([1, { a: 1 }]);
  expect(step('undo', back)).toEqual({ scan: 'baseline', row: 'a' });
  expect(step('undo', back)).toBeNull();
  expect([lines.undone, history.canUndo, history.canRedo]).toEqual([2, false, true]);
  step('redo', again);
  expect([lines.redone, at.content.baseline?.grades]).toEqual([1, {}]);
  step('redo', again);
  expect([lines.redone, at.content.baseline?.grades]).toEqual([1, { a: 1 }]);
});

it('takes back a point in its turn: what was done to the form since comes first', () => {
  const { history, at, give, step } = form(complete({}, scans));
  const acts: MeasuringAct[] = [];
  const back = (act: MeasuringAct) => acts.push(act) > 0;
  give('baseline', 'a', 1);
  history.recordElsewhere('point');
  give('baseline', 'b', 2);
  expect(step('undo', back)).toEqual({ scan: 'baseline', row: 'b' });
  expect([acts, at.content.baseline?.grades]).toEqual([[], { a: 1 }]);
  expect(step('undo', back)).toBeNull();
  expect([acts, at.content.baseline?.grades]).toEqual([['point'], { a: 1 }]);
  expect(step('redo', back)).toEqual({ scan: 'baseline', row: 'b' }); // the point is placed by hand again
  expect(acts).toEqual(['point']);
});

it('passes over the points of what was finished, and has nothing to undo in those of what was given up', () => {
  const { history, at, give, step } = form(complete({}, scans));
  history.recordElsewhere('point');
  expect(history.canUndo).toBe(false);
  give('baseline', 'a', 1);
  for (const act of ['point', 'point', 'change'] as const) history.recordElsewhere(act);
  const left = (act: MeasuringAct) => act === 'change';
  expect(step('undo', left)).toBeNull();
  expect(at.content.baseline?.grades).toEqual({ a: 1 });
  expect(step('undo', left)).toEqual({ scan: 'baseline', row: 'a' });
  expect(step('redo', left)).toEqual({ scan: 'baseline', row: 'a' });
  expect(step('redo', left)).toBeNull();
  expect(history.canRedo).toBe(false);
});

it('does nothing again once something new was done, here or there', () => {
  const { history, give, step } = form(complete({}, scans));
  give('baseline', 'a', 1);
  step('undo');
  history.recordElsewhere('change');
  expect(history.canRedo).toBe(false);
  step('undo', () => true);
  give('baseline', 'b', 2);
  const again = vi.fn(() => true);
  expect(step('redo', again)).toBeNull();
  expect(again).not.toHaveBeenCalled();
});

it('passes over what is no more, such as a line that another tab removed', () => {
  const { history, give, step } = form(complete({}, scans));
  give('baseline', 'a', 1);
  history.recordElsewhere('change');
  expect(step('undo', () => false)).toEqual({ scan: 'baseline', row: 'a' });
});

it('gives the grades back after its “readable” was undone, too', () => {
  const { history, at, give, step } = form(graded());
  give('baseline', 'quality', 'unreadable');
  give('baseline', 'quality', 'limited');
  give('baseline', 'a', 2);
  step('undo');
  step('undo');
  expect(history.setAside(at.content, 'baseline')).toBe(7);
  give('baseline', 'quality', 'adequate');
  expect(at.content.baseline?.grades).toEqual(graded().baseline?.grades);
});

it('takes the letters of a comment as one act', () => {
  const history = new FormHistory();
  let content = complete({}, scans);
  for (const text of ['s', 'se', 'see']) {
    const after = setComment(content, 'baseline', 'a', text);
    history.record(content, after, { scan: 'baseline', row: 'a' }, 'comment baseline a');
    content = after;
  }
  expect(history.undo(content)?.content).toEqual(complete({}, scans));
  expect(history.undo(content)).toBeNull();
});

it('copies all grades there are, and none to an unreadable scan', () => {
  const copied = copyGrades(setValue(graded(), 'follow_up', 'h', 2), 'baseline', 'follow_up');
  expect(copied.follow_up?.grades).toEqual({ ...graded().baseline?.grades, h: 2 });
  expect(copied.follow_up?.quality).toBe('');
  const unreadable = setValue(graded(), 'follow_up', 'quality', 'unreadable');
  expect(copyGrades(unreadable, 'baseline', 'follow_up')).toBe(unreadable);
  expect(copyGrades(complete({}, scans), 'baseline', 'follow_up')).toEqual(complete({}, scans));
});
