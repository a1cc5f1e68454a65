import type { Layout } from './import-api';

/** What is said of one file, as the server takes it: theirs → ours. An empty word: leave out, or unknown. */
export interface Said {
  columns: Record<string, string>;
  absent: string[];
  values: Record<string, Record<string, string>>;
  dates: Record<string, string>;
}
export type Mapping = Record<string, Said>;

export const NOTHING_SAID: Said = { columns: {}, absent: [], values: {}, dates: {} };

/** The header that is taken for a column: as said, else as found in the file. */
export function headerOf(column: string, said: Said, layout: Layout): string | null {
  const chosen = Object.entries(said.columns).find(([header, ours]) => ours === column && layout.header.includes(header));
  if (chosen) return chosen[0];
  if (said.absent.includes(column)) return null;
  const found = layout.columns.find((item) => item.column === column)?.header ?? null;
  return found !== null && said.columns[found] !== undefined && said.columns[found] !== column ? null : found;
}

/** Take another header for a column, or none: what it was taken from before is then left out. */
export function chooseHeader(column: string, header: string | null, said: Said, layout: Layout): Said {
  const before = headerOf(column, said, layout);
  const columns = Object.fromEntries(Object.entries(said.columns).filter(([, ours]) => ours !== column));
  if (before !== null && before !== header) columns[before] = '';
  if (header !== null) columns[header] = column;
  const others = said.absent.filter((item) => item !== column);
  return { ...said, columns, absent: header === null ? [...others, column] : others };
}

export function chooseMeaning(column: string, text: string, meaning: string | null, said: Said): Said {
  const words = Object.fromEntries(Object.entries(said.values[column] ?? {}).filter(([key]) => key !== text.toLowerCase()));
  if (meaning !== null) words[text.toLowerCase()] = meaning;
  return { ...said, values: { ...said.values, [column]: words } };
}

export function chooseOrder(column: string, order: string, said: Said): Said {
  const dates = Object.fromEntries(Object.entries(said.dates).filter(([key]) => key !== column));
  if (order) dates[column] = order;
  return { ...said, dates };
}
