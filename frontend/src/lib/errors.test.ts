import { describe, expect, it } from 'vitest';

import { ApiError, describeFailure, messageOf } from './errors';

describe('describeFailure', () => {
  it('takes the sentence of a broken rule', () => {
    expect(describeFailure(409, { detail: 'Case is final.', code: 'final' })).toBe('Case is final.');
  });
  it('names the fields of a refused form', () => {
    expect(describeFailure(400, { seed: ['Not a number.'], non_field_errors: ['Both empty.'] })).toBe('seed: Not a number. Both empty.');
  });
  it('names nested fields and rows', () => {
    expect(describeFailure(400, { overrides: { epochs: ['Too many.'] } })).toBe('overrides.epochs: Too many.');
    expect(describeFailure(400, { rows: [{}, { date: ['No date.'] }] })).toBe('rows.2.date: No date.');
  });
  it('tells a lost session from a forged request', () => {
    expect(describeFailure(403, { detail: 'Authentication credentials were not provided.' })).toMatch(/signed out/);
    expect(describeFailure(403, { detail: 'CSRF Failed: token incorrect.' })).toMatch(/another tab/);
  });
  it('says the same of a missing and of a foreign object', () => {
    expect(describeFailure(404, { detail: 'Not found.' })).toBe(describeFailure(404, null));
  });
  it('never leaves a failure without words', () => {
    for (const status of [400, 401, 404, 405, 409, 413, 418, 429, 500, 502, 503]) {
      expect(describeFailure(status, null).length).toBeGreaterThan(10);
    }
    expect(describeFailure(500, '<html>')).toMatch(/500/);
  });
});

describe('ApiError', () => {
  it('gives code and fields only where they belong', () => {
    expect(new ApiError(409, { code: 'stale_draft' }, 'x').code).toBe('stale_draft');
    expect(new ApiError(400, { password: ['Wrong.'] }, 'x').fields).toEqual({ password: 'Wrong.' });
    expect(new ApiError(409, { password: ['Wrong.'] }, 'x').fields).toEqual({});
  });
  it('has a message for what is no error at all', () => {
    expect(messageOf('boom')).toMatch(/no description/);
  });
});
