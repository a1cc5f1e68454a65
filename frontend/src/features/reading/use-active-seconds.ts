import { useEffect } from 'react';

import { SECONDS } from '@/lib/draft-store';
import { isUnanswered } from '@/lib/errors';

/** Without input for this long the reader is taken to be away. */
const IDLE_AFTER = 60_000;
const TICK = 1_000;

/**
 * Seconds of work on a read that the server does not have yet. They go with the next save or with the
 * signature, which add them up; a page left without a change keeps them in the browser for the next, until
 * the reader signs out.
 */
export class WorkedTime {
  private seconds = 0;
  private flying = 0;
  /** Sent without an answer: sent as it was until it is known whether they arrived. */
  private lost: number | null = null;
  private done = false;

  constructor(private readonly key: string) {}

  get rest(): number {
    return this.seconds;
  }

  add(seconds: number): void {
    this.seconds += seconds;
  }

  async sendWith<T>(send: (seconds: number) => Promise<T>): Promise<T> {
    const seconds = this.lost ?? this.seconds;
    this.flying = seconds;
    try {
      const answer = await send(seconds);
      this.seconds -= seconds;
      this.lost = null;
      return answer;
    } catch (error) {
      if (isUnanswered(error)) this.lost = seconds;
      throw error;
    } finally {
      this.flying = 0;
    }
  }

  landed(arrived: boolean): void {
    if (arrived) this.seconds -= this.lost ?? 0;
    this.lost = null;
  }

  /** The page goes; what is under way is not kept, or it might count twice. */
  leave(): void {
    const rest = this.seconds - (this.flying || (this.lost ?? 0));
    if (this.done || rest <= 0) return;
    this.seconds -= rest;
    stored(this.key, (before) => before + rest);
  }

  enter(): void {
    if (!this.done) stored(this.key, (before) => (this.add(before), 0));
  }

  /** Signed. */
  finish(): void {
    this.done = true;
    stored(this.key, () => 0);
  }
}

function stored(name: string, change: (before: number) => number): void {
  try {
    const after = change(Number(window.localStorage.getItem(SECONDS + name)) || 0);
    if (after > 0) window.localStorage.setItem(SECONDS + name, String(after));
    else window.localStorage.removeItem(SECONDS + name);
  } catch {
    // Without storage the time of a page left without a change is not counted.
  }
}

/** Counts seconds of work on this page: visible, and used within the last minute. Counting draws nothing. */
export function useActiveSeconds(work: WorkedTime): void {
  useEffect(() => {
    let used = Date.now();
    const touch = () => {
      used = Date.now();
    };
    const events = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;
    for (const name of events) window.addEventListener(name, touch, { passive: true });
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && Date.now() - used < IDLE_AFTER) work.add(TICK / 1000);
    }, TICK);
    const leave = () => work.leave();
    window.addEventListener('pagehide', leave);
    work.enter();
    return () => {
      clearInterval(timer);
      for (const name of events) window.removeEventListener(name, touch);
      window.removeEventListener('pagehide', leave);
      leave();
    };
  }, [work]);
}
