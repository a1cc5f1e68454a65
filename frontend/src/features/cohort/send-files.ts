import { ApiError } from '@/lib/errors';

export interface Parcel {
  file: File;
  /** Path inside what was dropped: "study/series/0001.dcm". */
  path: string;
}

/** The path a browser keeps with a dropped or chosen file, without a leading slash. */
export function parcelOf(file: File & { path?: string }): Parcel {
  const path = file.webkitRelativePath || file.path || file.name;
  return { file, path: path.replace(/^\.?\//, '') };
}

/** The server's side of an upload. Both throw ApiError: status 0 when there is no network. */
export interface Transport {
  /** List files; for each, in order, its key and how many of its bytes the server has. */
  offer: (files: { path: string; size: number; modified: number }[]) => Promise<{ key: string; received: number }[]>;
  /** Send bytes of a file from `offset` on; how many of its bytes the server has then. */
  put: (key: string, offset: number, piece: Blob, signal: AbortSignal) => Promise<number>;
}

export interface Sending {
  files: number;
  bytes: number;
  /** Bytes that the server has, those it had before included. */
  sent: number;
  filesSent: number;
  /** Bytes that it had before: they were not sent again. */
  skipped: number;
  /** Bytes a second over the last seconds. */
  rate: number;
  /** The server cannot be reached; it is tried again by itself. */
  waiting: boolean;
  /** Files that this computer could not read, or the server would not take. */
  failed: { path: string; reason: string }[];
}

export interface Options {
  signal: AbortSignal;
  onChange: (state: Sending) => void;
  /** Files in flight at once. */
  parallel?: number;
  piece?: number;
  /** Waits before the next attempt; ends early when the network is back. */
  pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const LISTED = 1000;
const LONGEST_WAIT = 15_000;
const RATE_OVER = 5000;

/** A lost network and a server that is down or starting pass; anything else is said of the file. */
function passes(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

function offsetOf(error: unknown): number | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const body = error.body as { code?: string; received?: number } | null;
  return body?.code === 'wrong_offset' && typeof body.received === 'number' ? body.received : null;
}

export function untilOnline(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

/**
 * Send what the server lacks of these files, and keep at it over any break until all is there or `signal`
 * aborts. Resolves with the last state; a file that cannot be sent is named in it and stops no other.
 */
export async function sendFiles(parcels: readonly Parcel[], transport: Transport, options: Options): Promise<Sending> {
  const { signal, onChange, parallel = 3, piece = 8 * 2 ** 20, pause = untilOnline } = options;
  const state: Sending = {
    files: parcels.length, bytes: parcels.reduce((sum, { file }) => sum + file.size, 0),
    sent: 0, filesSent: 0, skipped: 0, rate: 0, waiting: false, failed: [],
  };
  const window: { at: number; bytes: number }[] = [];
  const report = () => {
    const now = Date.now();
    while (window[0] && window[0].at < now - RATE_OVER) window.shift();
    const span = window[0] ? Math.max(1000, now - window[0].at) : 1000;
    state.rate = (1000 * window.reduce((sum, { bytes }) => sum + bytes, 0)) / span;
    onChange({ ...state, failed: [...state.failed] });
  };

  async function persist<T>(attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      signal.throwIfAborted();
      try {
        const result = await attempt();
        state.waiting = false;
        return result;
      } catch (error) {
        if (!passes(error)) throw error;
        state.waiting = true;
        report();
        await pause(Math.min(LONGEST_WAIT, 1000 * 2 ** failures), signal);
      }
    }
  }

  const queue: { parcel: Parcel; key: string; received: number }[] = [];
  for (let start = 0; start < parcels.length; start += LISTED) {
    const part = parcels.slice(start, start + LISTED);
    const files = part.map(({ file, path }) => ({ path, size: file.size, modified: file.lastModified }));
    const known = await persist(() => transport.offer(files));
    part.forEach((parcel, index) => {
      const entry = known[index];
      if (!entry) return;
      state.skipped += entry.received;
      state.sent += entry.received;
      if (entry.received >= parcel.file.size) state.filesSent += 1;
      else queue.push({ parcel, ...entry });
    });
    report();
  }

  async function sendOne({ parcel: { file, path }, key, received }: (typeof queue)[number]) {
    let here = received;
    try {
      while (here < file.size) {
        const offset = here;
        try {
          here = await persist(() => transport.put(key, offset, file.slice(offset, offset + piece), signal));
        } catch (error) {
          const right = offsetOf(error);
          // Another tab, or an answer that was lost on its way: the server knows best.
          if (right === null || right === offset) throw error;
          here = right;
        }
        state.sent += here - offset;
        window.push({ at: Date.now(), bytes: Math.max(0, here - offset) });
        report();
      }
      state.filesSent += 1;
    } catch (error) {
      if (signal.aborted) throw error;
      state.failed.push({ path, reason: error instanceof Error ? error.message : 'It could not be sent.' });
    }
    report();
  }

  async function work() {
    for (let next = queue.shift(); next; next = queue.shift()) await sendOne(next);
  }
  await Promise.all(Array.from({ length: parallel }, work));
  return { ...state, failed: [...state.failed] };
}
