import { useCallback, useEffect, useRef } from 'react';

/** Without input for this long the reader is taken to be away. */
const IDLE_AFTER = 60_000;
const TICK = 1_000;

/**
 * Seconds of work on this page: visible, and used within the last minute. Returns a function that
 * reads the count, so that counting draws nothing.
 */
export function useActiveSeconds(before: number): () => number {
  const seconds = useRef(before);
  useEffect(() => {
    let used = Date.now();
    const touch = () => {
      used = Date.now();
    };
    const events = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;
    for (const name of events) window.addEventListener(name, touch, { passive: true });
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && Date.now() - used < IDLE_AFTER) seconds.current += TICK / 1000;
    }, TICK);
    return () => {
      clearInterval(timer);
      for (const name of events) window.removeEventListener(name, touch);
    };
  }, []);
  return useCallback(() => seconds.current, []);
}
