import { Center, Loader, Text } from '@mantine/core';

export function PageLoader({ label = 'Loading' }: { label?: string }) {
  return (
    <Center h={240} role="status" style={{ gap: 12 }}>
      <Loader size="sm" />
      <Text size="sm" c="dimmed">{label}…</Text>
    </Center>
  );
}
