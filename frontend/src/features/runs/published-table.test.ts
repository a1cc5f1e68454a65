import { expect, it } from 'vitest';

import { tableOf } from './published-table';

it('sends counts as numbers, figures as printed and intervals as pairs, and nothing that is empty', () => {
  expect(tableOf({ tp: ' 9 ', n: '', sensitivity: '0.80', accuracy: '1', auc_ci: '0.67 – 0.97', ppv_ci: '30% to 80%' })).toEqual({
    tp: 9,
    sensitivity: '0.80',
    accuracy: '1',
    auc_ci: ['0.67', '0.97'],
    ppv_ci: ['30%', '80%'],
  });
  // What is no number is the server's to refuse, by name.
  expect(tableOf({ tp: 'nine' })).toEqual({ tp: 'nine' });
});
