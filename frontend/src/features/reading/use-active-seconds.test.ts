import { beforeEach, expect, it } from 'vitest';

import { ApiError } from '@/lib/errors';

import { WorkedTime } from './use-active-seconds';

let server: number;
const arrives = (seconds: number) => Promise.resolve(void (server += seconds));
const lost = () => Promise.reject(new ApiError(0, null, 'No network.'));

beforeEach(() => {
  localStorage.clear();
  server = 0;
});

it('sends each second once, by whichever save', async () => {
  const work = new WorkedTime('C1');
  work.add(10);
  await work.sendWith(arrives);
  work.add(5);
  await work.sendWith(arrives);
  expect([server, work.rest]).toEqual([15, 0]);
});

it.each([
  [true, 10],
  [false, 0],
])('counts what got no answer once, whether it arrived (%s) or not', async (arrived, had) => {
  const work = new WorkedTime('C1');
  work.add(10);
  await expect(work.sendWith(lost)).rejects.toThrow();
  server = had;
  work.add(5);
  work.landed(arrived);
  await work.sendWith(arrives);
  expect(server).toBe(15);
});

it('keeps the time of a page left without a change for the next', () => {
  const work = new WorkedTime('C1');
  work.add(30);
  work.leave();
  const next = new WorkedTime('C1');
  next.enter();
  expect(next.rest).toBe(30);
  next.finish();
  next.leave();
  expect(Object.keys(localStorage)).toEqual([]);
});
