import { expect, it } from 'vitest';

import { describeSummary } from './deliveries';
import { kindOf } from './table-files';
import { seriesName } from './wording';

it('knows the four tables by their names', () => {
  expect(kindOf('patients.csv')).toBe('patients');
  expect(kindOf('Chart Review 2024.CSV')).toBe('chart_review');
  expect(kindOf('site-B_diagnoses.csv')).toBe('diagnoses');
  expect(kindOf('PERSON.csv')).toBe('person');
  expect(kindOf('imaging_occurrence.csv')).toBe('image_occurrence');
  expect(kindOf('notes.csv')).toBeUndefined();
});

it('says what came of a delivery, without its zeros', () => {
  expect(describeSummary({ patients: { new: 60, changed: 0, errors: 1 }, exams: { new: 0 } })).toBe('patients: 60 new, 1 errors');
  expect(describeSummary({ accepted: 120, rejected: 0 })).toBe('120 accepted');
  expect(describeSummary({})).toBe('–');
});

it('names a series, and admits what its headers do not tell', () => {
  expect(seriesName({ plane: 'sagittal', weighting: 't2' })).toBe('Sagittal T2');
  expect(seriesName({ plane: '', weighting: 'unknown' })).toBe('Unknown plane, unknown weighting');
});
