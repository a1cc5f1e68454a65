import { Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  label: string;
  value: ReactNode;
  hint?: ReactNode;
}

export function Stat({ label, value, hint }: Props) {
  return (
    <div>
      <Text size="xs" c="dimmed">{label}</Text>
      <Text size="xl" fw={600} lh={1.25} className="tabular" component="div">{value}</Text>
      {hint && <Text size="xs" c="dimmed" component="div">{hint}</Text>}
    </div>
  );
}
