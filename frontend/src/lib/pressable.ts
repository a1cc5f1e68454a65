/** Enter and Space belong to the button or link that has the focus; not to a grade, whose keys are the room's. */
export function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button:not([role="radio"]), a[href], summary, [role="menuitem"]') !== null;
}
