import { sameJson } from './same-json';

/** Named parts of a draft, each compared and taken as a whole; undefined counts as absent. */
export type Fields = Record<string, unknown>;

export interface Merged {
  /** Both sides' changes; where they clash, what is here. */
  mine: Fields;
  /** The same, with what is there. */
  theirs: Fields;
  /** Fields that both changed, each to something else. */
  clashes: string[];
}

/** Puts together what two sides made of one base. Only what both changed differently is left to choose. */
export function threeWay(base: Fields, mine: Fields, theirs: Fields): Merged {
  const merged: Merged = { mine: {}, theirs: {}, clashes: [] };
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine), ...Object.keys(theirs)])) {
    const [was, here, there] = [base[key], mine[key], theirs[key]];
    const clash = !sameJson(here, there) && !sameJson(here, was) && !sameJson(there, was);
    const changed = sameJson(here, was) ? there : here;
    put(merged.mine, key, clash ? here : changed);
    put(merged.theirs, key, clash ? there : changed);
    if (clash) merged.clashes.push(key);
  }
  return merged;
}

function put(fields: Fields, key: string, value: unknown): void {
  if (value !== undefined) fields[key] = value;
}
