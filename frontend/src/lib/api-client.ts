/**
 * The one way to the server: a client typed from the OpenAPI schema.
 *
 * `const flow = await unwrap(api.GET('/api/cohort/flow/'))` gives the data or throws an ApiError.
 */
import createClient, { type Middleware } from 'openapi-fetch';

import type { paths } from '@/types/api';

import { ApiError, describeFailure, OFFLINE } from './errors';

export function csrfToken(): string {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? '';
}

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

const csrf: Middleware = {
  onRequest({ request }) {
    if (UNSAFE.has(request.method)) request.headers.set('X-CSRFToken', csrfToken());
    return request;
  },
};

type SignedOut = () => void;
let onSignedOut: SignedOut = () => undefined;

/** Called when the server no longer knows the session (the provider shows the login page). */
export function setSignedOutHandler(handler: SignedOut): void {
  onSignedOut = handler;
}

export function failure(status: number, body: unknown): ApiError {
  if (status === 403) onSignedOut();
  return new ApiError(status, body, describeFailure(status, body));
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? '',
  credentials: 'same-origin',
  // Looked up at call time, so that tests and service pages can replace it.
  fetch: (request) => globalThis.fetch(request),
});
api.use(csrf);

/**
 * Ends what is saved or signed when no answer comes. A connection that went to sleep or changed its network
 * gives none for minutes; whoever asked then tries again, and finds out whether it arrived.
 */
export function patience(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(30_000) };
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer; throws ApiError for a refusal and for no answer at all. */
export async function unwrap<T>(pending: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await pending;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, null, OFFLINE);
  }
  if (!answer.response.ok) throw failure(answer.response.status, answer.error);
  return answer.data as T;
}
