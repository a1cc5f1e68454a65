import { describe, expect, it } from 'vitest';

import type { Layout } from './import-api';
import { chooseHeader, chooseMeaning, chooseOrder, headerOf, NOTHING_SAID } from './mapping-draft';

const layout: Layout = {
  name: 'patients.csv',
  header: ['Nr', 'sex', 'Ort'],
  columns: [
    { column: 'patient_id', header: null, taken_by: '', date_order: '' },
    { column: 'sex', header: 'sex', taken_by: 'name', date_order: '' },
  ],
  notes: [],
  dropped: [],
  comments: 0,
};

describe('what is said of a file', () => {
  it('starts from what the file itself tells', () => {
    expect(headerOf('sex', NOTHING_SAID, layout)).toBe('sex');
    expect(headerOf('patient_id', NOTHING_SAID, layout)).toBeNull();
  });

  it('gives a column another header and leaves the old one out', () => {
    const said = chooseHeader('sex', 'Ort', chooseHeader('patient_id', 'Nr', NOTHING_SAID, layout), layout);
    expect(said.columns).toEqual({ Nr: 'patient_id', sex: '', Ort: 'sex' });
    expect(headerOf('sex', said, layout)).toBe('Ort');
  });

  it('says that a column is not there, and takes it back', () => {
    const absent = chooseHeader('sex', null, NOTHING_SAID, layout);
    expect([absent.absent, headerOf('sex', absent, layout)]).toEqual([['sex'], null]);
    const back = chooseHeader('sex', 'sex', absent, layout);
    expect([back.absent, back.columns, headerOf('sex', back, layout)]).toEqual([[], { sex: 'sex' }, 'sex']);
  });

  it('gives spellings a meaning and dates an order, and takes them back', () => {
    const said = chooseMeaning('sex', 'W1', 'F', NOTHING_SAID);
    expect(said.values).toEqual({ sex: { w1: 'F' } });
    expect(chooseMeaning('sex', 'W1', null, said).values).toEqual({ sex: {} });
    expect(chooseMeaning('sex', '9', '', said).values.sex).toEqual({ w1: 'F', '9': '' });
    const ordered = chooseOrder('birth_date', 'dmy', NOTHING_SAID);
    expect(ordered.dates).toEqual({ birth_date: 'dmy' });
    expect(chooseOrder('birth_date', '', ordered).dates).toEqual({});
  });
});
