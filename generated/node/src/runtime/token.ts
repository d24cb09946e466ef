/**
 * The token of a client, renewed at two thirds of its life.
 *
 * The life is read from the token itself without verifying it: the client only wants to know
 * when to renew, and the server judges the token. A token whose life cannot be read is used as
 * it is.
 */

import type { TokenSource } from './options.js';
import type { Clock } from './retry.js';

export interface FreshToken {
  readonly token: string;
  /** Seconds, for a token that does not tell its life itself. */
  readonly expiresIn?: number | undefined;
}

/** Asks the server for a new token, showing the present one. */
export type Renew = (token: string) => Promise<FreshToken>;

const SHARE_OF_LIFE = 2 / 3;
const JITTER = 0.1;
/** After a renewal that failed, in milliseconds. */
const PAUSE = 5_000;
/** Timers of Node hold no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Token {
  readonly #clock: Clock;
  readonly #renew: Renew | undefined;
  #source: TokenSource | undefined;
  #renewAt = Number.POSITIVE_INFINITY;
  #endsAt = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: TokenSource | undefined, clock: Clock, renew?: Renew) {
    this.#clock = clock;
    this.#renew = renew;
    this.#source = source;
    if (typeof source === 'string') {
      this.#plan(source);
    }
  }

  /** The token for the next request, renewed first when its time has come. */
  async current(): Promise<string | undefined> {
    if (typeof this.#source === 'function') {
      return this.#source();
    }
    if (this.#clock.now() >= this.#renewAt) {
      await this.#renewOnce();
    }
    return this.#source;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#renewAt = Number.POSITIVE_INFINITY;
  }

  /** However many requests ask, one renewal runs. Its failure matters only once the token ended. */
  async #renewOnce(): Promise<void> {
    this.#running ??= this.#exchange().finally(() => {
      this.#running = undefined;
    });
    try {
      await this.#running;
    } catch (error) {
      if (this.#clock.now() >= this.#endsAt) {
        throw error;
      }
    }
  }

  async #exchange(): Promise<void> {
    if (this.#renew === undefined || typeof this.#source !== 'string') {
      return;
    }
    try {
      const fresh = await this.#renew(this.#source);
      this.#source = fresh.token;
      this.#plan(fresh.token, fresh.expiresIn);
    } catch (error) {
      this.#renewAt = this.#clock.now() + PAUSE;
      this.#wake();
      throw error;
    }
  }

  #plan(token: string, expiresIn?: number): void {
    this.#renewAt = Number.POSITIVE_INFINITY;
    this.#endsAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    const told: Life | undefined = expiresIn === undefined ? undefined : [now, expiresIn * 1000];
    const life = lifeOf(token) ?? told;
    if (this.#renew === undefined || life === undefined) {
      return;
    }
    const [start, length] = life;
    const jitter = 1 + JITTER * (2 * this.#clock.random() - 1);
    this.#renewAt = start + length * SHARE_OF_LIFE * jitter;
    this.#endsAt = start + length;
    this.#wake();
  }

  /** An idle client renews too, so that its token does not end unseen; an ending process may end. */
  #wake(): void {
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#renewAt - this.#clock.now());
    if (wait <= LONGEST_TIMER) {
      this.#timer = setTimeout(() => {
        this.#renewOnce().catch(() => undefined);
      }, wait).unref();
    }
  }
}

/** Start and length in milliseconds. */
type Life = readonly [number, number];

/** The life of a JWT by its own claims. */
function lifeOf(token: string): Life | undefined {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
    const claims = JSON.parse(payload) as { iat?: unknown; exp?: unknown } | null;
    const { iat, exp } = claims ?? {};
    return typeof iat === 'number' && typeof exp === 'number' && exp > iat
      ? [iat * 1000, (exp - iat) * 1000]
      : undefined;
  } catch {
    return undefined;
  }
}
