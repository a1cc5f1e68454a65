/** Which keys a page may take for itself. */

export function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable="true"]');
}

/** Enter and Space belong to the button or link that has the focus; not to a grade, whose keys are the room's. */
export function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button:not([role="radio"]), a[href], summary, [role="menuitem"]') !== null;
}

/** A single character, which speech input may type at any moment. */
function isCharacter(event: KeyboardEvent): boolean {
  return event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey;
}

/**
 * Whether a key is meant for the page. A person may keep single characters to what has the focus, inside
 * `data-keys` (WCAG 2.1.4): speech input types them wherever the focus is.
 */
export function isHeard(event: KeyboardEvent, anywhere: boolean): boolean {
  return anywhere || !isCharacter(event) || (event.target instanceof Element && event.target.closest('[data-keys]') !== null);
}

/** A key held down that would switch something to and fro, or do again what is done once. */
export function isHeld(event: KeyboardEvent): boolean {
  return event.repeat && !event.ctrlKey && !event.metaKey && /^[a-z?]$|^ $|^Enter$/i.test(event.key);
}
