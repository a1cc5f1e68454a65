interface LiveDraft {
  readonly key: string;
  readonly unsent: boolean;
  flush(keepalive?: boolean): Promise<boolean>;
  close(): void;
}

/** Drafts of open pages, and of pages left before the server had everything: those go on trying. */
const live = new Map<string, LiveDraft>();
const left = new Set<LiveDraft>();

/** A page shows the draft: whoever was still sending it for an earlier page stops, or the two would race. */
export function enterDraft(draft: LiveDraft): void {
  const before = live.get(draft.key);
  if (before && before !== draft) before.close();
  live.set(draft.key, draft);
  left.delete(draft);
}

/** The page goes to another page of this application. */
export async function leaveDraft(draft: LiveDraft): Promise<void> {
  left.add(draft);
  const sent = await draft.flush(true);
  if (!sent || !left.delete(draft)) return; // still to be sent, or shown again meanwhile
  draft.close();
  if (live.get(draft.key) === draft) live.delete(draft.key);
}

/** Tries to send everything, but no longer than `patience` ms. */
export async function flushDrafts(patience = 5_000): Promise<void> {
  const all = Promise.all([...live.values()].map((draft) => draft.flush()));
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, patience))]);
}

/** Nothing more is sent: another person may sign in. What is kept in the browser stays. */
export function closeDrafts(): void {
  for (const draft of live.values()) draft.close();
  live.clear();
  left.clear();
}
