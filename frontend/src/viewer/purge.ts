/**
 * Empties the viewer's caches at logout without loading the viewer where it was never opened.
 * `loading.ts` registers what there is to empty.
 */
let empty: (() => void) | null = null;

export function onPurge(action: () => void): void {
  empty = action;
}

/** Drops every decoded image, header and annotation kept in this page's memory. */
export function purgeViewer(): void {
  empty?.();
}
