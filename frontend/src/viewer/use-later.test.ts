import { act, renderHook } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';

import { useLater } from './use-later';

afterEach(() => vi.useRealTimers());

it('speaks of what lasts, not of what passes at once', () => {
  vi.useFakeTimers();
  const { result, rerender } = renderHook(({ loading }) => useLater(loading, 150), { initialProps: { loading: true } });
  const after = (ms: number) => {
    act(() => void vi.advanceTimersByTime(ms));
  };
  after(100);
  rerender({ loading: false }); // a fast load
  after(100);
  rerender({ loading: true });
  after(100);
  expect(result.current).toBe(false);
  after(60);
  expect(result.current).toBe(true);
  rerender({ loading: false });
  expect(result.current).toBe(false);
});
