import { Container } from '@mantine/core';
import { useRouteError } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';

import { useTitle } from './titled';

/** A page that threw while drawing, or a chunk that a newer deployment has replaced. */
export function RouteError() {
  const error = useRouteError();
  useTitle('Stopped working');
  return (
    <Container size="sm" py="xl">
      <ErrorNotice error={error} title="This page stopped working" onRetry={() => window.location.reload()} />
    </Container>
  );
}
