import { Button, type ButtonProps, Group, Modal, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';

import { ErrorNotice } from './error-notice';

interface Props extends ButtonProps {
  label: string;
  title: string;
  /** What will happen, and what cannot be undone. */
  explanation: ReactNode;
  confirmLabel: string;
  ready?: boolean;
  onConfirm: () => Promise<unknown>;
  pending: boolean;
  error: unknown;
}

/** A button whose act is said in full before it happens; a refusal is shown where it was asked. */
export function ConfirmButton(props: Props) {
  const { label, title, explanation, confirmLabel, ready = true, onConfirm, pending, error, ...button } = props;
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button {...button} onClick={open}>{label}</Button>
      <Modal opened={opened} onClose={close} title={title} centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <div>{explanation}</div>
          {error != null && <ErrorNotice error={error} title="Not done" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>Cancel</Button>
            <Button
              color={button.color}
              loading={pending}
              disabled={!ready}
              data-autofocus
              onClick={() => void onConfirm().then(close, () => undefined)}
            >
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
