import { describe, expect, it } from 'vitest';

import {
  complete, type Content, copyValue, emptyScan, type Finding, keySlices, missingOf, optionFor, type Rubric, rowsOf, setComment,
  setExclusionText, setSeries, setValue, toggleKeySlice, valueOf,
} from './rubric';
import { roomAction, roomKeys } from './room-keys';

const finding = (key: string, values: (string | number)[]): Finding => ({
  key,
  label: key,
  help: '',
  grades: values.map((value) => ({ value, label: `grade ${value}`, description: '', shortcut: value === 'not_visible' ? '-' : String(value) })),
});
const rubric: Rubric = {
  version: 1,
  findings: [finding('pannus', [0, 1, 2]), finding('facet', [0, 1, 'not_visible'])],
  quality: { ...finding('quality', []), grades: ['adequate', 'limited', 'unreadable'].map((value, i) => ({ value, label: value, description: '', shortcut: String(i + 1) })) },
  exclusion_observation: { ...finding('x', []), grades: ['none', 'other'].map((value, i) => ({ value, label: value, description: '', shortcut: String(i) })) },
};
const scans = ['baseline', 'follow_up'];
const [pannus, facet, quality] = rowsOf(rubric);

function graded(): Content {
  let content = complete({}, scans);
  for (const scan of scans) {
    content = setValue(content, scan, 'pannus', 0);
    content = setValue(content, scan, 'facet', 'not_visible');
    content = setValue(content, scan, 'quality', 'adequate');
  }
  return content;
}

describe('what is missing', () => {
  it('lists an empty form row by row, scans within a row', () => {
    expect(missingOf(complete({}, scans), rubric, scans)).toEqual(
      ['pannus', 'facet', 'quality'].flatMap((row) => scans.map((scan) => ({ scan, finding: row }))),
    );
  });

  it('is nothing once everything is graded; grade 0 and “not visible” count', () => {
    expect(missingOf(graded(), rubric, scans)).toEqual([]);
  });

  it('asks for no grades of an unreadable scan, and takes the ones it had away', () => {
    const content = setValue(graded(), 'baseline', 'quality', 'unreadable');
    expect(content.baseline?.grades).toEqual({});
    expect(missingOf(content, rubric, scans)).toEqual([]);
    expect(setValue(content, 'baseline', 'pannus', 2)).toEqual(content);
  });

  it('asks which other reason there is to exclude', () => {
    const content = setValue(graded(), 'follow_up', 'exclusion_observation', 'other');
    expect(missingOf(content, rubric, scans)).toEqual([{ scan: 'follow_up', finding: 'exclusion_observation' }]);
    expect(missingOf(setExclusionText(content, 'follow_up', 'metal'), rubric, scans)).toEqual([]);
  });
});

describe('entering', () => {
  it('leaves the other scan and the old content alone', () => {
    const before = graded();
    const after = setValue(before, 'follow_up', 'pannus', 2);
    expect(valueOf(after.follow_up!, 'pannus')).toBe(2);
    expect(after.baseline).toBe(before.baseline);
    expect(valueOf(before.follow_up!, 'pannus')).toBe(0);
  });

  it('copies a baseline grade, and nothing where there is none', () => {
    const content = setValue(complete({}, scans), 'baseline', 'pannus', 1);
    expect(valueOf(copyValue(content, 'baseline', 'follow_up', 'pannus').follow_up!, 'pannus')).toBe(1);
    expect(copyValue(content, 'baseline', 'follow_up', 'facet')).toBe(content);
  });

  it('keeps comments and key slices by finding and drops empty ones', () => {
    let content = setComment(graded(), 'baseline', 'pannus', 'behind the dens');
    content = toggleKeySlice(content, 'baseline', 'pannus', 0);
    expect(content.baseline).toMatchObject({ comments: { pannus: 'behind the dens' }, key_slices: { pannus: 0 } });
    content = toggleKeySlice(setComment(content, 'baseline', 'pannus', ''), 'baseline', 'pannus', 0);
    expect(content.baseline).toMatchObject({ comments: {}, key_slices: {} });
    expect(content.baseline?.comments).not.toHaveProperty('pannus');
  });
});

describe('keys', () => {
  const keys = roomKeys(['grade', 'move', 'scan', 'sign', 'help'], 2);
  const press = (key: string, row = pannus, init: KeyboardEventInit = {}, on: HTMLElement = document.body) => {
    let action: ReturnType<typeof roomAction> = null;
    const listen = (event: KeyboardEvent) => {
      action = roomAction(event, row, keys);
    };
    if (on !== document.body) document.body.append(on);
    on.addEventListener('keydown', listen);
    on.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...init }));
    on.removeEventListener('keydown', listen);
    return action as ReturnType<typeof roomAction>;
  };

  it('grade only what the row knows', () => {
    expect(press('2')).toEqual({ type: 'grade', option: optionFor(pannus!, '2') });
    expect(press('2', facet)).toBeNull();
    expect(press('-', facet)).toMatchObject({ option: { value: 'not_visible' } });
    expect(press('–', facet)).toMatchObject({ option: { value: 'not_visible' } });
    expect(press('1', quality)).toMatchObject({ option: { value: 'adequate' } });
  });

  it('leave presets, the browser and text fields alone', () => {
    expect(press('!', pannus, { shiftKey: true })).toBeNull();
    expect(press('1', pannus, { ctrlKey: true })).toBeNull();
    expect(press('1', pannus, {}, document.createElement('textarea'))).toBeNull();
    expect(press('Enter', pannus, {}, document.createElement('button'))).toBeNull();
  });

  it('move, choose scans, sign and help', () => {
    expect(press('ArrowDown')).toEqual({ type: 'move', by: 1 });
    expect(press('f')).toEqual({ type: 'scan', index: 1 });
    expect(press('Enter')).toEqual({ type: 'sign' });
    expect(press('?', pannus, { shiftKey: true })).toEqual({ type: 'help' });
    expect(press('ArrowRight')).toBeNull();
  });
});

it('marks a key slice in the series on screen, and lists those of it alone', () => {
  let content = setSeries({ baseline: emptyScan() }, 'baseline', 1);
  content = toggleKeySlice(content, 'baseline', 'pannus', 4);
  expect(content.baseline).toMatchObject({ key_slices: { pannus: 4 }, key_series: { pannus: 1 }, series: 1 });
  content = setSeries(content, 'baseline', 0);
  expect(keySlices(content.baseline ?? emptyScan())).toEqual([]);
  // The same number in another series is another slice: the mark moves instead of going.
  content = toggleKeySlice(content, 'baseline', 'pannus', 4);
  expect(content.baseline).toMatchObject({ key_slices: { pannus: 4 }, key_series: {} });
  expect(toggleKeySlice(content, 'baseline', 'pannus', 4).baseline?.key_slices).toEqual({});
});
