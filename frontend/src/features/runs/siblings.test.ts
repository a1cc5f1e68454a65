import { describe, expect, it } from 'vitest';

import type { RunRow } from './api';
import { overridesFor, siblings } from './siblings';

const row = (id: number, recipe: Record<string, unknown>, state = 'succeeded', label_set = 1) =>
  ({ id, state, label_set, recipe: { profile: 'paper', seed: 0, ...recipe } }) as unknown as RunRow;

describe('siblings', () => {
  const run = row(5, { label_source: 'final' });

  it('differ in one setting alone', () => {
    const all = [run, row(6, { label_source: 'reader_1' }), row(7, { label_source: 'reader_2', seed: 1 }), row(8, { label_source: 'reader_2' }, 'succeeded', 2)];
    expect([...siblings(run, all, 'label_source')].map(([value, found]) => [value, found.id])).toEqual([['final', 5], ['reader_1', 6]]);
  });

  it('takes the one that succeeded before a newer one that is queued, and none that failed', () => {
    const all = [run, row(6, { label_source: 'reader_1' }), row(9, { label_source: 'reader_1' }, 'queued'), row(10, { label_source: 'reader_2' }, 'failed')];
    const found = siblings(run, all, 'label_source');
    expect(found.get('reader_1')?.id).toBe(6);
    expect(found.has('reader_2')).toBe(false);
  });

  it('reads a run stored before the setting existed as the default', () => {
    expect([...siblings(row(3, {}), [row(4, { label_source: 'reader_1', train_share: 1 })], 'label_source').keys()]).toEqual(['final', 'reader_1']);
  });

  it('launches the same recipe with one change', () => {
    expect(overridesFor(run, 'label_source', 'reader_2')).toEqual({ seed: 0, label_source: 'reader_2' });
    const without = row(6, { saliency: false, trust: 'quick' });
    expect(overridesFor(without, 'train_share', 0.5)).toEqual({ seed: 0, saliency: false, train_share: 0.5 });
  });
});
