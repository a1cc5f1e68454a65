import { expect, test } from 'vitest';

import { exampleOf } from './examples';

test('a grade has its picture, and what phantoms cannot show has none', () => {
  expect(exampleOf('pannus', 2)).toContain('pannus-2');
  expect(exampleOf('facet_c1c2_left', 'not_visible')).toContain('facet_c1c2_left-not_visible');
  expect(exampleOf('exclusion_observation', 'none')).toBeUndefined();
});
