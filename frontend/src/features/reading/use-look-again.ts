import { useEffect, useEffectEvent } from 'react';

import { onNewsOf } from '@/lib/case-news';
import { say } from '@/lib/say';

import type { ReadingCase } from './api';
import { sayEnded } from './use-reading-draft';

/**
 * Asks for the case again when the reader comes back to the page or another page signed it, and says so when it
 * turns out to be signed, or open again: nobody then works on what can no longer be saved.
 */
export function useLookAgain(code: string, shown: ReadingCase | undefined, ask: () => Promise<{ data?: ReadingCase }>): void {
  const look = useEffectEvent(async () => {
    const was = shown?.reading;
    // While the reader signs or amends, the answer to that comes by itself.
    if (!was || document.querySelector('[role="dialog"]')) return;
    const now = (await ask()).data?.reading;
    if (!now || (now.state === was.state && now.version === was.version)) return;
    // A draft of another version: this one was signed before it was opened again.
    if (was.state === 'draft') sayEnded();
    if (now.state === 'draft') say('This read was opened for an amendment in another tab or on another computer.');
  });
  useEffect(() => onNewsOf(code, () => void look()), [code]);
}
