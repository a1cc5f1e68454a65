import { Group, Text } from '@mantine/core';
import { Link } from 'react-router';

export function Brand() {
  return (
    <Link to="/" style={{ textDecoration: 'none', color: 'inherit' }} aria-label="Odontoid, start page">
      <Group gap={8} wrap="nowrap">
        <img src="/favicon.svg" width={24} height={24} alt="" />
        <Text fw={700} size="lg">Odontoid</Text>
      </Group>
    </Link>
  );
}
