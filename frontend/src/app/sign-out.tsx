import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useNavigate } from 'react-router';

import { forget, inWords, unsentDrafts } from '@/lib/draft-store';
import { messageOf } from '@/lib/errors';
import { flushDrafts } from '@/lib/live-drafts';
import { useLogout } from '@/lib/session';

/** Signing out, with a question first where this browser alone has something that the reader entered. */
export function useSignOut(username: string): { signOut: () => Promise<void>; question: ReactNode } {
  const logout = useLogout();
  const navigate = useNavigate();
  const [unsent, setUnsent] = useState<string[]>([]);

  async function leave(discard = false) {
    setUnsent([]);
    try {
      await logout.mutateAsync();
    } catch {
      return; // said below
    }
    forget(username, discard);
    await navigate('/login');
  }
  async function signOut() {
    logout.reset();
    await flushDrafts();
    const codes = unsentDrafts(username);
    setUnsent(codes);
    if (codes.length === 0) await leave();
  }
  const question = logout.isError ? (
    <Modal opened onClose={logout.reset} title="You are still signed in" centered>
      <Stack>
        <Text size="sm" role="alert">
          {messageOf(logout.error)} Until the server has signed you out, whoever opens this page here goes on in your name.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={logout.reset}>Stay signed in</Button>
          <Button data-autofocus onClick={() => void signOut()}>Sign out again</Button>
        </Group>
      </Stack>
    </Modal>
  ) : (
    <Modal opened={unsent.length > 0} onClose={() => setUnsent([])} title="Not everything is on the server" centered>
      <Stack>
        <Text size="sm">
          This browser alone has something of {unsent.map(inWords).join(', ')}: changes that are not sent yet (opening the
          page sends them), or a draft that you did not choose. It can stay here for your next sign-in; nobody else is
          shown it.
        </Text>
        <Group justify="flex-end">
          <Button variant="subtle" color="red" onClick={() => void leave(true)}>Discard them and sign out</Button>
          <Button variant="default" onClick={() => void leave()}>Keep them here and sign out</Button>
          <Button data-autofocus onClick={() => setUnsent([])}>Stay signed in</Button>
        </Group>
      </Stack>
    </Modal>
  );
  return { signOut, question };
}
