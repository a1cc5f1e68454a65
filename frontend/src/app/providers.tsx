import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app.css';

import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';

import { setSignedOutHandler } from '@/lib/api-client';
import { makeQueryClient } from '@/lib/query-client';
import { meQuery } from '@/lib/session';

import { accessibleColours, theme } from './theme';

export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(makeQueryClient);
  useEffect(
    () => setSignedOutHandler(() => void client.invalidateQueries({ queryKey: meQuery.queryKey })),
    [client],
  );
  return (
    <MantineProvider theme={theme} cssVariablesResolver={accessibleColours} defaultColorScheme="light">
      <Notifications position="bottom-right" limit={3} />
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </MantineProvider>
  );
}
