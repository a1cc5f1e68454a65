import { describe, expect, it } from 'vitest';

import { DECISIONS, reviewAction } from './decisions';

const outside = { note: false, pressable: false };
const inNote = { note: true, pressable: false };

describe('reviewAction', () => {
  it('gives each typed reason a number', () => {
    expect(DECISIONS.map(({ key }) => reviewAction({ key }, outside))).toEqual(
      DECISIONS.map(({ decision }) => ({ type: 'choose', decision })),
    );
    expect(reviewAction({ key: '7' }, outside)).toBeNull();
  });

  it('writes in the note what is typed there, and records on Enter', () => {
    for (const key of ['1', 'n', 's', 'u']) expect(reviewAction({ key }, inNote)).toBeNull();
    expect(reviewAction({ key: 'Enter' }, inNote)).toEqual({ type: 'record' });
    expect(reviewAction({ key: 'Enter', shiftKey: true }, inNote)).toBeNull();
    expect(reviewAction({ key: 'Escape' }, inNote)).toEqual({ type: 'leave-note' });
  });

  it('leaves Enter to a button that has the focus, and shortcuts to the browser', () => {
    expect(reviewAction({ key: 'Enter' }, { note: false, pressable: true })).toBeNull();
    expect(reviewAction({ key: 'Enter' }, outside)).toEqual({ type: 'record' });
    expect(reviewAction({ key: 's', ctrlKey: true }, outside)).toBeNull();
    expect(reviewAction({ key: 'U' }, outside)).toEqual({ type: 'undo' });
  });
});
