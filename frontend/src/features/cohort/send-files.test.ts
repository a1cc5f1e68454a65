import { expect, it, vi } from 'vitest';

import { ApiError } from '@/lib/errors';

import { type Parcel, parcelOf, sendFiles, type Sending, type Transport } from './send-files';

function parcel(path: string, size: number): Parcel {
  return { path, file: new File(['x'.repeat(size)], path, { lastModified: 1 }) };
}

/** A server that keeps what it is sent and fails when told to. */
function server(fail: (call: number) => Error | undefined = () => undefined) {
  const files = new Map<string, number>();
  let calls = 0;
  const put = vi.fn((key: string, offset: number, piece: Blob) => {
    const error = fail(++calls);
    if (error) return Promise.reject(error);
    const here = files.get(key) ?? 0;
    if (offset !== here) return Promise.reject(new ApiError(409, { code: 'wrong_offset', received: here }, 'Wrong offset.'));
    files.set(key, here + piece.size);
    return Promise.resolve(here + piece.size);
  });
  const transport: Transport = {
    offer: (listed) => Promise.resolve(listed.map(({ path }) => ({ key: path, received: files.get(path) ?? 0 }))),
    put,
  };
  return { files, transport, put };
}

const pause = () => Promise.resolve();
const options = (more = {}) => ({ signal: new AbortController().signal, onChange: () => undefined, pause, ...more });

it('sends every byte once, in pieces', async () => {
  const { files, transport, put } = server();
  const end = await sendFiles([parcel('a/1', 25), parcel('a/2', 10), parcel('b/1', 0)], transport, options({ piece: 10 }));
  expect([...files]).toEqual([['a/1', 25], ['a/2', 10]]);
  expect(put).toHaveBeenCalledTimes(4);
  expect(end).toMatchObject({ files: 3, filesSent: 3, bytes: 35, sent: 35, skipped: 0, failed: [] });
});

it('after a reload sends only what the server lacks', async () => {
  const { files, transport, put } = server();
  files.set('a', 30).set('b', 12);
  const end = await sendFiles([parcel('a', 30), parcel('b', 20)], transport, options());
  expect(put.mock.calls.map(([key, offset, piece]) => [key, offset, piece.size])).toEqual([['b', 12, 8]]);
  expect(end).toMatchObject({ sent: 50, skipped: 42, filesSent: 2 });
});

it('waits out a lost network and a server that restarts, and says so meanwhile', async () => {
  const { files, transport } = server((call) =>
    call <= 2 ? new ApiError(0, null, 'No network.') : call === 3 ? new ApiError(502, null, 'Bad gateway') : undefined,
  );
  const states: Sending[] = [];
  const end = await sendFiles([parcel('a', 20)], transport, options({ onChange: (s: Sending) => states.push(s) }));
  expect(files.get('a')).toBe(20);
  expect(states.filter(({ waiting }) => waiting)).toHaveLength(3);
  expect(end).toMatchObject({ waiting: false, sent: 20, failed: [] });
});

it('goes on from where the server is when an answer was lost', async () => {
  const { files, transport } = server();
  const { put } = transport;
  let lost = true;
  transport.put = async (...given) => {
    const here = await put(...given);
    if (lost) {
      lost = false;
      throw new ApiError(0, null, 'No network.');
    }
    return here;
  };
  const end = await sendFiles([parcel('a', 20)], transport, options({ piece: 10 }));
  expect(files.get('a')).toBe(20);
  expect(end.sent).toBe(20);
});

it('names a file that cannot be sent and goes on with the others', async () => {
  const { files, transport } = server((call) => (call === 1 ? new ApiError(409, { code: 'wrong_size' }, 'It changed.') : undefined));
  const end = await sendFiles([parcel('a', 5), parcel('b', 5)], transport, options({ parallel: 1 }));
  expect(end.failed).toEqual([{ path: 'a', reason: 'It changed.' }]);
  expect(files.get('b')).toBe(5);
});

it('stops when it is told to', async () => {
  const controller = new AbortController();
  const { transport } = server(() => {
    controller.abort();
    return new Error('stopped');
  });
  await expect(sendFiles([parcel('a', 5)], transport, options({ signal: controller.signal }))).rejects.toThrow();
});

it('keeps the path a browser gives', () => {
  const file = Object.assign(new File([], 'i.dcm'), { path: './study/i.dcm' });
  expect(parcelOf(file).path).toBe('study/i.dcm');
});
