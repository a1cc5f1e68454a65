/** What the server refused, or why it could not be reached, in words for the person at the screen. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** The response's JSON, as it came. */
    readonly body: unknown,
    message: string,
  ) {
    super(message);
  }

  /** The rule that was broken, of a 409. */
  get code(): string | undefined {
    const code = isRecord(this.body) ? this.body.code : undefined;
    return typeof code === 'string' ? code : undefined;
  }

  /** Messages by form field, of a 400: nested fields are joined with a dot. */
  get fields(): Record<string, string> {
    return this.status === 400 ? fieldMessages(this.body) : {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldMessages(body: unknown, prefix = ''): Record<string, string> {
  if (!isRecord(body)) return {};
  const messages: Record<string, string> = {};
  for (const [key, value] of Object.entries(body)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (typeof value === 'string') messages[path] = value;
    else if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      messages[path] = value.join(' ');
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => Object.assign(messages, fieldMessages(item, `${path}.${index + 1}`)));
    } else Object.assign(messages, fieldMessages(value, path));
  }
  return messages;
}

const BY_STATUS: Record<number, string> = {
  403: 'You are signed out. Sign in again; what you entered on this page is still here.',
  404: 'This does not exist, or is not yours to see.',
  405: 'The server does not allow this here.',
  413: 'The upload is larger than the server accepts. Send it in smaller parts.',
  429: 'Too many requests. Wait a moment and try again.',
  503: 'The server is starting or under maintenance. Try again in a moment.',
};

/** One sentence for a failed response. */
export function describeFailure(status: number, body: unknown): string {
  if (typeof body === 'string' && status === 400 && body.trim()) return body.trim();
  if (isRecord(body) && typeof body.detail === 'string' && status !== 403 && status !== 404) {
    return body.detail;
  }
  if (status === 403 && isRecord(body) && typeof body.detail === 'string' && body.detail.startsWith('CSRF')) {
    return 'Your session changed in another tab. Reload the page and try again.';
  }
  if (Array.isArray(body) && body.every((item) => typeof item === 'string') && body.length) return body.join(' ');
  const fields = Object.entries(fieldMessages(body));
  if (status === 400 && fields.length) {
    return fields
      .map(([field, message]) => (field === 'detail' || field === 'non_field_errors' ? message : `${field}: ${message}`))
      .join(' ');
  }
  return (
    BY_STATUS[status] ??
    (status >= 500
      ? `The server failed (${status}). Nothing was changed by this request; the log has the cause.`
      : `The server refused the request (${status}).`)
  );
}

export const OFFLINE = 'The server cannot be reached. Check the network; nothing was lost on this page.';

/** No answer came, or one from something in between: what was asked may have been done. */
export function isUnanswered(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 502;
}

/** The message with the fields that a refused draft is refused for. */
export function reasonOf(error: unknown): string {
  const fields = error instanceof ApiError && error.status === 409 && isRecord(error.body) ? fieldMessages(error.body.fields) : {};
  const reasons = Object.entries(fields).map(([field, reason]) => `${field}: ${reason}.`);
  return [messageOf(error), ...reasons].join(' ');
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return 'Something went wrong that has no description.';
}
