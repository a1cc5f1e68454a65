import { Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** What to do next, in one sentence. */
  children?: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ title, children, action }: Props) {
  return (
    <Stack align="center" gap={4} py="xl" px="md">
      <Text fw={600}>{title}</Text>
      {children && <Text size="sm" c="dimmed" ta="center" maw={480} component="div">{children}</Text>}
      {action && <Group mt="xs">{action}</Group>}
    </Stack>
  );
}
