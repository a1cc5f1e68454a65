import { words } from '@/lib/format';

function say(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'not stated';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(say).join(', ');
  if (typeof value === 'object') return Object.entries(value).map(([key, inner]) => `${words(key)} ${say(inner)}`).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** How a series was recognised, one sentence a line; the server says what it looked at, in its own keys. */
export function recognitionLines(recognition: unknown): string[] {
  if (typeof recognition === 'string') return recognition ? [recognition] : [];
  if (Array.isArray(recognition)) return recognition.map(say);
  if (typeof recognition !== 'object' || recognition === null) return [];
  return Object.entries(recognition).map(([key, value]) => `${words(key)}: ${say(value)}`);
}
