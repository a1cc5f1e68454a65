import { Anchor, Container, Stack, Text, Title } from '@mantine/core';
import { Link } from 'react-router';

import { useTitle } from './titled';

export function NotFoundPage() {
  useTitle('Nothing here');
  return (
    <Container size="sm" py="xl">
      <Stack gap="xs">
        <Title order={1} size="h2">Nothing here</Title>
        <Text>This page does not exist, or is not yours to see.</Text>
        <Anchor component={Link} to="/">Back to the start page</Anchor>
      </Stack>
    </Container>
  );
}
