import { expect, it } from 'vitest';

import { sameJson } from '@/lib/same-json';

import { FormHistory } from './form-history';
import { complete, type Content, copyGrades, setComment, setValue } from './rubric';

const scans = ['baseline', 'follow_up'];
const seven = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const graded = (): Content => {
  const form = setValue(complete({}, scans), 'baseline', 'quality', 'limited');
  return seven.reduce((content, row) => setValue(content, 'baseline', row, 1), form);
};
/** A form of one reader, as a room keeps it. */
function form(content: Content, beside: { now: unknown } = { now: null }) {
  const history = new FormHistory(sameJson);
  const at = { content };
  const give = (scan: string, row: string, value: number | string) => {
    const after = history.setValue(at.content, scan, row, value);
    history.record(at.content, after, { scan, row }, beside.now);
    at.content = after;
  };
  const step = (way: 'undo' | 'redo', anyway = false) => {
    const found = history[way](at.content, beside.now, anyway);
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
  at.content = history.copyValue(at.content, 'baseline', 'follow_up', 'quality');
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

it('takes its turn with what is done beside the form', () => {
  const beside = { now: ['line 1'] as unknown };
  const { give, step } = form(complete({}, scans), beside);
  give('baseline', 'a', 1);
  beside.now = ['line 1', 'line 2'];
  expect(step('undo')).toBeNull(); // the second line comes first
  beside.now = ['line 1'];
  expect(step('undo')).toEqual({ scan: 'baseline', row: 'a' });
  beside.now = [];
  expect(step('redo')).toBeNull();
  expect(step('redo', true)).toEqual({ scan: 'baseline', row: 'a' });
});

it('takes the letters of a comment as one act', () => {
  const history = new FormHistory(sameJson);
  let content = complete({}, scans);
  for (const text of ['s', 'se', 'see']) {
    const after = setComment(content, 'baseline', 'a', text);
    history.record(content, after, { scan: 'baseline', row: 'a' }, null, 'comment baseline a');
    content = after;
  }
  expect(history.undo(content, null)?.content).toEqual(complete({}, scans));
  expect(history.undo(content, null)).toBeNull();
});

it('copies all grades there are, and none to an unreadable scan', () => {
  const copied = copyGrades(setValue(graded(), 'follow_up', 'h', 2), 'baseline', 'follow_up');
  expect(copied.follow_up?.grades).toEqual({ ...graded().baseline?.grades, h: 2 });
  expect(copied.follow_up?.quality).toBe('');
  const unreadable = setValue(graded(), 'follow_up', 'quality', 'unreadable');
  expect(copyGrades(unreadable, 'baseline', 'follow_up')).toBe(unreadable);
  expect(copyGrades(complete({}, scans), 'baseline', 'follow_up')).toEqual(complete({}, scans));
});
