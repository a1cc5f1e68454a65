export interface Overrides {
  values: Record<string, string | number | boolean | null>;
  /** Lines that are no `key=value`, with their number. */
  errors: string[];
}

/** "epochs=3" a line. Numbers, true/false or yes/no, and null become JSON (“none” is a choice of some settings); whether a key exists is the server's to say. */
export function parseOverrides(text: string): Overrides {
  const values: Overrides['values'] = {};
  const errors: string[] = [];
  text.split(/[\n,]/).forEach((raw, index) => {
    const line = raw.trim();
    if (!line) return;
    const match = /^([a-z][a-z0-9_]*)\s*=\s*(.*)$/i.exec(line);
    const key = match?.[1];
    if (!key || !match[2]) errors.push(`Entry ${index + 1}: “${line}” is not key=value.`);
    else if (key in values) errors.push(`Entry ${index + 1}: ${key} is given twice.`);
    else values[key] = parseValue(match[2].trim());
  });
  return { values, errors };
}

function parseValue(text: string): string | number | boolean | null {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'yes') return true;
  if (lower === 'false' || lower === 'no') return false;
  if (lower === 'null') return null;
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}
