import { Alert, Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';

import { ApiError, messageOf } from '@/lib/errors';

interface Props {
  opened: boolean;
  title: string;
  /** What the signature means; it is recorded with it. */
  meaning: string;
  confirm: string;
  danger?: boolean;
  onClose: () => void;
  /** Rejects with an ApiError for a wrong password. */
  onConfirm: (password: string) => Promise<void>;
  children?: ReactNode;
}

/** Asks who is there once more before something that cannot be taken back. */
export function PasswordDialog({ opened, title, onClose, ...form }: Props) {
  const [busy, setBusy] = useState(false);
  // What comes of it is said in the dialog, so it stays until that is known.
  const close = () => {
    if (!busy) onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} centered size="md" returnFocus>
      {opened && <PasswordForm busy={busy} onBusy={setBusy} onClose={close} {...form} />}
    </Modal>
  );
}

interface FormProps extends Omit<Props, 'opened' | 'title'> {
  busy: boolean;
  onBusy: (busy: boolean) => void;
}

function PasswordForm({ meaning, confirm, danger, busy, onBusy, onClose, onConfirm, children }: FormProps) {
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<{ field?: string; message?: string }>({});

  async function submit() {
    if (!password) {
      setProblem({ field: 'Enter your password.' });
      return;
    }
    onBusy(true);
    setProblem({});
    try {
      await onConfirm(password);
    } catch (error) {
      const field = error instanceof ApiError ? error.fields.password : undefined;
      setProblem(field ? { field } : { message: messageOf(error) });
      setPassword('');
    } finally {
      onBusy(false);
    }
  }

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        {children}
        <Text size="sm">{meaning}</Text>
        {problem.message && (
          <Alert color="red" role="alert">
            {problem.message}
          </Alert>
        )}
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          data-autofocus
          value={password}
          error={problem.field}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button type="submit" color={danger ? 'red' : undefined} loading={busy}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
