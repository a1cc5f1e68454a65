import { useCallback, useState } from 'react';

const PREFIX = 'odontoid:preference:';

/** A choice of how pages look that this browser remembers for each person: nothing of a study is in it. */
export function usePreference<T>(username: string, name: string, fallback: T): [T, (value: T) => void] {
  const key = `${PREFIX}${username}:${name}`;
  const [value, setValue] = useState<T>(() => {
    try {
      const kept = window.localStorage.getItem(key);
      return kept === null ? fallback : (JSON.parse(kept) as T);
    } catch {
      return fallback;
    }
  });
  const keep = useCallback(
    (next: T) => {
      setValue(next);
      try {
        window.localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Without storage the choice holds for this page.
      }
    },
    [key],
  );
  return [value, keep];
}
