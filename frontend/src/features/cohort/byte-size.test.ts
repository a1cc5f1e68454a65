import { expect, it } from 'vitest';

import { size } from './byte-size';

it('has three digits at most', () => {
  expect([0, 999, 999.6, 1500, 123_456, 999_999, 8_050_000_000].map(size)).toEqual([
    '0 B', '999 B', '1.0 KB', '1.5 KB', '123 KB', '1.0 MB', '8.1 GB',
  ]);
});
