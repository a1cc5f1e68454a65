import { Box, Group, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** Beside the title, such as a state. */
  badge?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, badge, description, actions }: Props) {
  return (
    <Group justify="space-between" align="flex-start" mb="md" gap="md">
      <Box maw={760}>
        <Group gap="sm">
          <Title order={1} size="h3">{title}</Title>
          {badge}
        </Group>
        {description && <Text size="sm" c="dimmed" component="div" mt={2}>{description}</Text>}
      </Box>
      {actions && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
