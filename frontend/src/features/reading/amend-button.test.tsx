import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';

import { ApiError } from '@/lib/errors';

import { AmendButton } from './amend-button';
import { amendReading } from './api';

vi.mock('./api', () => ({ amendReading: vi.fn() }));
vi.setConfig({ testTimeout: 30_000 });

it('stays while it works, so that a refusal is seen', async () => {
  let refuse: (error: ApiError) => void = () => undefined;
  vi.mocked(amendReading).mockReturnValue(new Promise((_, reject) => (refuse = reject)));
  render(<MantineProvider env="test"><AmendButton code="c0ffee" onAmended={vi.fn()} /></MantineProvider>);
  fireEvent.click(screen.getByRole('button', { name: 'Amend' }));
  const reason = await screen.findByRole('textbox', {}, { timeout: 15_000 });
  fireEvent.change(reason, { target: { value: 'Wrong side' } });
  fireEvent.submit(reason.closest('form')!);
  fireEvent.keyDown(document.body, { key: 'Escape' });
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  act(() => refuse(new ApiError(409, null, 'The case is final.')));
  expect((await screen.findByRole('alert')).textContent).toBe('The case is final.');
});
