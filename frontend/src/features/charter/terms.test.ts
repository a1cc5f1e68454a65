import { expect, it } from 'vitest';

import type { Terms } from './api';
import { changesOf, describeTerm } from './terms';

const base: Partial<Terms> = { consensus: true, sham_share: 0.1, plan_seed: null };

it('sends only what differs from the version in force', () => {
  const draft = { ...base, sham_share: 0.2, consensus: true } as Terms;
  expect(changesOf(base as Terms, draft)).toEqual({ sham_share: 0.2 });
});

it('says shares in per cent and seeds that are still to be drawn', () => {
  expect(describeTerm('reread_share', 0.125)).toBe('12.5 %');
  expect(describeTerm('plan_seed', null)).toBe('drawn at freezing');
});
