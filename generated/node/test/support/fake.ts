/** A server and a clock that do what a test says, without network and without waiting. */

import { ErrorBase, type ErrorDetails } from '../../src/runtime/error.js';
import { HttpFailure, type HttpRequest, type HttpSender } from '../../src/runtime/http.js';
import type { Operation } from '../../src/runtime/operation.js';
import type { ClientOptions } from '../../src/runtime/options.js';
import type { Clock } from '../../src/runtime/retry.js';
import { Transport, type Settings } from '../../src/runtime/transport.js';

export class TestError extends ErrorBase {}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Answers with the replies in turn; a text instead of a reply is the cause of a failure. */
export class FakeSender implements HttpSender {
  readonly requests: HttpRequest[] = [];
  closed = false;
  readonly #replies: (Reply | string)[];

  constructor(...replies: (Reply | string)[]) {
    this.#replies = replies;
  }

  send(request: HttpRequest): ReturnType<HttpSender['send']> {
    this.requests.push(request);
    const reply = this.#replies.shift();
    if (reply === undefined || typeof reply === 'string') {
      return Promise.reject(new HttpFailure(reply ?? 'ENOREPLY'));
    }
    const { status, headers = {}, body = '' } = reply;
    return Promise.resolve({ status, headers, body: chunks(body) });
  }

  close(): void {
    this.closed = true;
  }
}

/** Time that moves only when someone sleeps. */
export class FakeClock implements Clock {
  time = Date.parse('2026-01-31T09:30:00Z');
  chance = 0.5;
  readonly slept: number[] = [];

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  sleep(milliseconds: number): Promise<void> {
    this.slept.push(milliseconds);
    this.time += milliseconds;
    return Promise.resolve();
  }
}

export const SETTINGS: Settings = {
  userAgent: 'synthetic/1.0.0',
  makeError: (details: ErrorDetails) => new TestError(details),
  masks: {},
};

export function transport(
  sender: HttpSender,
  options: ClientOptions = {},
  clock: Clock = new FakeClock(),
  settings: Settings = SETTINGS,
): Transport {
  const all = { baseUrl: 'http://127.0.0.1:9', token: 'synthetic-token', sender, ...options };
  return new Transport(all, settings, clock);
}

/** An operation with the given facts; a plain GET where they are silent. */
export function operation(facts: Partial<Operation> = {}): Operation {
  return {
    method: 'GET',
    path: '/things',
    parameters: [],
    idempotency: 'natural',
    credential: { place: 'header', wireName: 'Authorization', scheme: 'Bearer' },
    answer: { kind: 'json', mediaType: 'application/json' },
    ...facts,
  };
}

/** The text in pieces of a few octets, as a network might deliver it. */
// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous by contract
export async function* chunks(text: string, size = 5): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text);
  for (let start = 0; start < octets.length; start += size) {
    yield octets.subarray(start, start + size);
  }
}
