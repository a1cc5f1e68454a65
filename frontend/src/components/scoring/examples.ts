/**
 * Pictures of each grade, drawn from phantoms by cohort/phantom/examples.py (`make examples`). Never inlined:
 * they are fetched when somebody asks for them, under a name made from their content.
 */
const PICTURES = import.meta.glob<string>('./examples/*.webp', { eager: true, query: '?no-inline', import: 'default' });

/** Address of the picture of a grade; undefined where phantoms cannot show it. */
export function exampleOf(finding: string, grade: number | string | null): string | undefined {
  return PICTURES[`./examples/${finding}-${grade}.webp`];
}
