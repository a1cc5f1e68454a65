/** What this browser's other pages have to know of a case: it was signed, or opened for an amendment. */
const CHANNEL = 'odontoid:cases';

let opened: BroadcastChannel | undefined;

/** One for the page: a channel does not hear itself. */
function channel(): BroadcastChannel | undefined {
  if (typeof BroadcastChannel !== 'undefined') opened ??= new BroadcastChannel(CHANNEL);
  return opened;
}

export function tellOtherPages(code: string): void {
  channel()?.postMessage(code);
}

/** Calls `look` when another page tells of the case, or when the reader comes back to this one. */
export function onNewsOf(code: string, look: () => void): () => void {
  const from = channel();
  const told = (event: MessageEvent) => {
    if (event.data === code) look();
  };
  const back = () => {
    if (document.visibilityState === 'visible') look();
  };
  from?.addEventListener('message', told);
  window.addEventListener('focus', back);
  document.addEventListener('visibilitychange', back);
  return () => {
    from?.removeEventListener('message', told);
    window.removeEventListener('focus', back);
    document.removeEventListener('visibilitychange', back);
  };
}
