import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';

import { ApiError } from '@/lib/errors';

import { PasswordDialog } from './password-dialog';

vi.setConfig({ testTimeout: 30_000 });

it('stays while it works, so that a refusal is seen, and closes with Esc then', async () => {
  const onClose = vi.fn();
  let refuse: (error: ApiError) => void = () => undefined;
  const onConfirm = () => new Promise<void>((_, reject) => (refuse = reject));
  render(
    <MantineProvider env="test">
      <PasswordDialog opened title="Sign" meaning="Mine." confirm="Sign" onClose={onClose} onConfirm={onConfirm} />
    </MantineProvider>,
  );
  const password = await screen.findByLabelText('Password', {}, { timeout: 15_000 });
  const leave = () => {
    fireEvent.keyDown(document.body, { key: 'Escape' });
    fireEvent.click(document.querySelector('.mantine-Modal-close')!);
  };
  fireEvent.change(password, { target: { value: 'secret' } });
  fireEvent.submit(password.closest('form')!);
  leave();
  expect(onClose).not.toHaveBeenCalled();
  act(() => refuse(new ApiError(409, null, 'It was changed.')));
  expect((await screen.findByRole('alert')).textContent).toBe('It was changed.');
  leave();
  expect(onClose).toHaveBeenCalledTimes(2);
});
