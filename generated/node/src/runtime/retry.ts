/** When to try again: full jitter between tries, and what the server asked for first. */

const BASE_SECONDS = 0.5;
const CAP_SECONDS = 8;

/** Longest wait a server can ask for; beyond it the caller decides. */
export const LONGEST_RETRY_AFTER_SECONDS = 60;

/** Time, chance and waiting, so that tests need none of them. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  /** Rejects with the reason of the signal when it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, milliseconds);
      if (signal?.aborted === true) {
        stop();
      } else {
        signal?.addEventListener('abort', stop, { once: true });
      }
    }),
};

/** Seconds to wait before the try after `attempt` (0 is the first): uniform below a growing cap. */
export function backoffSeconds(attempt: number, random: () => number): number {
  return random() * Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** attempt);
}

/** Seconds of a `Retry-After` header, given as seconds or as an HTTP date. */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) {
    return undefined;
  }
  const value = header.trim();
  if (/^\d{1,9}$/.test(value)) {
    return Number(value);
  }
  const date = /^[A-Z][a-z]{2},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
