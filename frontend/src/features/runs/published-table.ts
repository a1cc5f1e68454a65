/** The fields of a published table, and what was typed into them. */
import { words } from '@/lib/format';

export const COUNTS = [['tp', 'TP'], ['fp', 'FP'], ['tn', 'TN'], ['fn', 'FN']] as const;
export const MARGINS = [['n', 'Patients'], ['positive', 'With the condition'], ['negative', 'Without'], ['correct', 'Right answers']] as const;
export const FIGURES = ['sensitivity', 'specificity', 'accuracy', 'ppv', 'npv', 'f1', 'mcc', 'balanced_accuracy', 'prevalence', 'auc'] as const;
const ABBREVIATED: Record<string, string> = { ppv: 'PPV', npv: 'NPV', f1: 'F1', mcc: 'MCC', auc: 'AUC' };
/** A figure as it is written. */
export const nameOf = (key: string) => ABBREVIATED[key] ?? words(key);

/** What was typed, by field. */
export type Table = Record<string, string>;

/** What was typed, as the checker takes it: whole numbers, figures as printed, "low–high" as a pair. */
export function tableOf(typed: Table): Record<string, unknown> {
  const rows = Object.entries(typed).map(([key, value]): [string, unknown] => {
    const text = value.trim();
    if (key.endsWith('_ci')) return [key, text.split(/\s*(?:–|-|to|,|;)\s*/)];
    return [key, /^\d+$/.test(text) && !(FIGURES as readonly string[]).includes(key) ? Number(text) : text];
  });
  return Object.fromEntries(rows.filter(([key]) => typed[key]?.trim()));
}
