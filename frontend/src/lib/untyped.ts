import { csrfToken, failure } from './api-client';
import { ApiError, OFFLINE } from './errors';

export async function untyped<T>(method: string, path: string, query?: Record<string, unknown>, body?: unknown): Promise<T> {
  const url = new URL(path, window.location.origin);
  for (const [k, v] of Object.entries(query ?? {})) if (typeof v === 'string' || typeof v === 'number') url.searchParams.set(k, `${v}`);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: { Accept: 'application/json', 'X-CSRFToken': csrfToken(), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, null, OFFLINE);
  }
  const text = await response.text();
  let data: unknown = null;
  try { data = text ? JSON.parse(text) : null; } catch { /* not JSON */ }
  if (!response.ok) throw failure(response.status, data);
  return data as T;
}
