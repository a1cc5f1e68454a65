import type { RunRow } from './api';

/** Settings that do not change what is learned. */
const ASIDE = new Set(['trust', 'onnx', 'saliency', 'checkpoint_seconds', 'profile']);

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Setting that older runs were stored without, as they were trained. */
const DEFAULTS: Record<string, unknown> = { label_source: 'final', train_share: 1 };
export const setting = (recipe: Record<string, unknown>, key: string): unknown => recipe[key] ?? DEFAULTS[key];

/**
 * Runs on the same label set whose recipe differs in `key` alone, the run itself among them; the newest
 * that succeeded for each value, else the newest.
 */
export function siblings(run: RunRow, all: readonly RunRow[], key: string): Map<unknown, RunRow> {
  const found = new Map<unknown, RunRow>();
  for (const other of [run, ...all.filter((row) => row.id !== run.id).sort((a, b) => b.id - a.id)]) {
    if (other.label_set !== run.label_set) continue;
    if (other.state === 'failed' || other.state === 'cancelled') continue;
    const keys = new Set([...Object.keys(run.recipe), ...Object.keys(other.recipe)]);
    const alike = [...keys].every((name) => name === key || ASIDE.has(name) || same(setting(run.recipe, name), setting(other.recipe, name)));
    if (!alike) continue;
    const value = setting(other.recipe, key);
    const known = found.get(value);
    if (!known || (known.state !== 'succeeded' && other.state === 'succeeded')) found.set(value, other);
  }
  return found;
}

/** What launches such a run: this one's whole recipe with one setting changed. */
export function overridesFor(run: RunRow, key: string, value: string | number): Record<string, unknown> {
  // Where no maps are made a run holds trust as its profile has it; asked for, it would be refused.
  const unasked = new Set(run.recipe.saliency === false ? ['profile', 'trust'] : ['profile']);
  const rest = Object.entries(run.recipe).filter(([name]) => !unasked.has(name));
  return { ...Object.fromEntries(rest), [key]: value };
}
