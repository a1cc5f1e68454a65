import { renderHook, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { say } from '@/lib/say';

import type { ReadingCase } from './api';
import { useLookAgain } from './use-look-again';
import { sayEnded } from './use-reading-draft';

vi.mock('./use-reading-draft', () => ({ sayEnded: vi.fn() }));
vi.mock('@/lib/say', () => ({ say: vi.fn() }));

const read = (state: 'draft' | 'signed', version = 1) => ({ code: 'c0ffee', reading: { state, version } }) as unknown as ReadingCase;
const ask = vi.fn();
const open = (state: 'draft' | 'signed' = 'draft') => renderHook(() => useLookAgain('c0ffee', read(state), ask));

beforeEach(() => {
  vi.resetAllMocks();
  document.body.innerHTML = '';
  ask.mockResolvedValue({ data: read('draft') });
});

it('asks when the reader comes back, and says that the read was signed meanwhile', async () => {
  open();
  window.dispatchEvent(new Event('focus'));
  await waitFor(() => expect(ask).toHaveBeenCalledTimes(1));
  expect(sayEnded).not.toHaveBeenCalled();
  ask.mockResolvedValue({ data: read('signed') });
  document.dispatchEvent(new Event('visibilitychange'));
  await waitFor(() => expect(sayEnded).toHaveBeenCalledTimes(1));
});

it('asks when another page of the browser signs this case, not another one', async () => {
  open();
  const other = new BroadcastChannel('odontoid:cases');
  other.postMessage('beef');
  other.postMessage('c0ffee');
  await waitFor(() => expect(ask).toHaveBeenCalledTimes(1));
  other.close();
});

it('says when a signed read is open again, and nothing when the server cannot be asked', async () => {
  ask.mockResolvedValue({ data: undefined });
  open('signed');
  window.dispatchEvent(new Event('focus'));
  await waitFor(() => expect(ask).toHaveBeenCalledTimes(1));
  expect(say).not.toHaveBeenCalled();
  ask.mockResolvedValue({ data: read('draft') });
  window.dispatchEvent(new Event('focus'));
  await waitFor(() => expect(say).toHaveBeenCalledTimes(1));
});

it('says both of a read that was signed and opened again meanwhile', async () => {
  ask.mockResolvedValue({ data: read('draft', 2) });
  open();
  window.dispatchEvent(new Event('focus'));
  await waitFor(() => expect(say).toHaveBeenCalledTimes(1));
  expect(sayEnded).toHaveBeenCalledTimes(1);
});

it('does not take the page away while it is signed here', async () => {
  open();
  document.body.innerHTML = '<div role="dialog"></div>';
  window.dispatchEvent(new Event('focus'));
  await Promise.resolve();
  expect(ask).not.toHaveBeenCalled();
});
