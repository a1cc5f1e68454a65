import { afterEach, describe, expect, it, vi } from 'vitest';

import { api, patience, setSignedOutHandler, unwrap } from './api-client';
import { ApiError } from './errors';

function answer(status: number, body: unknown) {
  const fetched = vi.fn<(request: Request) => Promise<Response>>(() =>
    Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })),
  );
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

afterEach(() => {
  vi.unstubAllGlobals();
  document.cookie = 'csrftoken=; expires=Thu, 01 Jan 1970 00:00:00 GMT';
});

describe('the typed client', () => {
  it('sends the CSRF token with unsafe requests only', async () => {
    document.cookie = 'csrftoken=abc123';
    const fetched = answer(200, { user: null });
    await unwrap(api.POST('/api/auth/login/', { body: { username: 'a', password: 'b' } }));
    await unwrap(api.GET('/api/auth/me/'));
    expect(fetched.mock.calls[0]?.[0].headers.get('X-CSRFToken')).toBe('abc123');
    expect(fetched.mock.calls[1]?.[0].headers.get('X-CSRFToken')).toBeNull();
  });

  it('throws what the server said', async () => {
    answer(400, { detail: 'User name and password do not match.' });
    const pending = unwrap(api.POST('/api/auth/login/', { body: { username: 'a', password: 'b' } }));
    await expect(pending).rejects.toMatchObject({ status: 400, message: 'User name and password do not match.' });
  });

  it('tells the application when the session is gone', async () => {
    const gone = vi.fn();
    setSignedOutHandler(gone);
    answer(403, { detail: 'Authentication credentials were not provided.' });
    await expect(unwrap(api.GET('/api/auth/me/'))).rejects.toBeInstanceOf(ApiError);
    expect(gone).toHaveBeenCalledOnce();
  });

  it('waits for no answer for ever', async () => {
    const slow = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(slow.signal);
    const fetched = vi.fn(({ signal }: Request) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))));
    vi.stubGlobal('fetch', fetched);
    const pending = unwrap(api.POST('/api/auth/logout/', patience()));
    await vi.waitFor(() => expect(fetched).toHaveBeenCalled());
    slow.abort(new DOMException('signal timed out', 'TimeoutError'));
    await expect(pending).rejects.toMatchObject({ status: 0 });
    expect(timeout).toHaveBeenCalledWith(30_000);
    timeout.mockRestore();
  });

  it('has words for a lost network', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(unwrap(api.GET('/api/auth/me/'))).rejects.toMatchObject({ status: 0, message: expect.stringContaining('cannot be reached') as string });
  });
});
