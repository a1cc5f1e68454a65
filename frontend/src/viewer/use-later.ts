import { useEffect, useState } from 'react';

/** True once something has held for so many milliseconds without a break: what passes sooner is not worth a word. */
export function useLater(holds: boolean, after: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!holds) return undefined;
    const timer = setTimeout(() => setLate(true), after);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [holds, after]);
  return holds && late;
}
