import { List, Text, ThemeIcon } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';

import { words } from '@/lib/format';

/** Decision → what it must be for the series to count. */
const WANTED: Record<string, (value: string) => boolean> = {
  plane: (value) => value === 'sagittal',
  weighting: (value) => value === 't2',
  region: (value) => value === 'cervical',
  kind: (value) => value === 'acquired',
  slices: (value) => !value.includes('fewer'),
};

/** How a series was recognised: each decision, its reason, and whether it is what the study asks for. */
export function Recognition({ lines }: { lines: Record<string, string> }) {
  return (
    <List size="xs" mt={6} spacing={3} center aria-label="Why it counts or not" listStyleType="none">
      {Object.entries(lines).filter(([key]) => key in WANTED).map(([key, line]) => {
        const [value = '', because] = split(line);
        const right = WANTED[key]?.(value) ?? false;
        return (
          <List.Item
            key={key}
            icon={
              <ThemeIcon size={16} radius="xl" variant="light" color={right ? 'teal' : 'orange'} aria-label={right ? 'as asked' : 'not as asked'}>
                {right ? <IconCheck size={11} aria-hidden /> : <IconX size={11} aria-hidden />}
              </ThemeIcon>
            }
          >
            <Text span size="xs" fw={600}>{words(key)}: {key === 'weighting' ? value.toUpperCase() : value}</Text>
            {because && <Text span size="xs" c="dimmed"> – {because}</Text>}
          </List.Item>
        );
      })}
    </List>
  );
}

function split(line: string): [string, string?] {
  const at = line.indexOf(': ');
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 2)];
}
