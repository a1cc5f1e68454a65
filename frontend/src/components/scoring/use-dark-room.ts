import { useLayoutEffect } from 'react';

const ATTRIBUTE = 'data-mantine-color-scheme';

/** Dark colours while films are read, whatever the person's setting elsewhere. */
export function useDarkRoom(): void {
  useLayoutEffect(() => {
    const root = document.documentElement;
    const before = root.getAttribute(ATTRIBUTE);
    root.setAttribute(ATTRIBUTE, 'dark');
    return () => {
      if (before) root.setAttribute(ATTRIBUTE, before);
    };
  }, []);
}
