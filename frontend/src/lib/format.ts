/** Figures and times as this study prints them. Times are in the viewer's own zone (leads only). */

export const DASH = '–';

export function count(value: number | null | undefined): string {
  return value == null ? DASH : value.toLocaleString('en');
}

/** A proportion or coefficient to `digits` decimals, without rounding a near miss up to 1.00. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value == null || !Number.isFinite(value)) return DASH;
  const text = value.toFixed(digits);
  return text === (-0).toFixed(digits) || Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '−');
}

export function percent(value: number | null | undefined, digits = 0): string {
  return value == null || !Number.isFinite(value) ? DASH : `${(100 * value).toFixed(digits)} %`;
}

export function interval(low: number | null | undefined, high: number | null | undefined, digits = 3): string {
  return low == null || high == null ? DASH : `${figure(low, digits)} to ${figure(high, digits)}`;
}

export function pValue(p: number | null | undefined): string {
  if (p == null) return DASH;
  return p < 0.001 ? '< .001' : p.toFixed(p < 0.1 ? 3 : 2).replace(/^0/, '');
}

export function dateTime(iso: string | null | undefined): string {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : DASH;
}

/** 95 s → "1 min 35 s". */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** "baseline_t2" → "Baseline t2": only for keys the server sends without a label. */
export function words(key: string): string {
  const text = key.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const PLURALS = new Intl.PluralRules('en');
export function plural(n: number, one: string, other = `${one}s`): string {
  return `${count(n)} ${PLURALS.select(n) === 'one' ? one : other}`;
}
