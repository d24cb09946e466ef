/** A sender that keeps the request and answers from a text, for tests of single operations. */

import assert from 'node:assert/strict';
import type { ClientOptions } from '../../src/runtime/options.js';
import type { HttpRequest } from '../../src/runtime/http.js';

interface Expected {
  readonly method: string;
  readonly path?: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly body?: unknown;
}

/** JSON text as whatever the call around it wants. */
export function json<Value>(text: string): Value {
  return JSON.parse(text) as Value;
}

export class Wire {
  readonly options: ClientOptions;
  readonly #requests: HttpRequest[] = [];
  readonly #answer: string;

  constructor(status: number, answer: string) {
    this.#answer = answer;
    this.options = {
      baseUrl: 'http://127.0.0.1:9',
      token: 'synthetic-token',
      sender: {
        send: (request) => {
          this.#requests.push(request);
          return Promise.resolve({ status, headers: {}, body: once(answer) });
        },
        close: () => undefined,
      },
    };
  }

  /** Compares the one request that was sent, and the answer that came back. */
  check(expectedText: string, received?: unknown): void {
    const expected = json<Expected>(expectedText);
    assert.equal(this.#requests.length, 1);
    const request = this.#requests[0];
    assert.ok(request);
    const url = new URL(request.url);
    assert.equal(request.method, expected.method);
    if (expected.path !== undefined) {
      assert.equal(url.pathname, new URL(url.origin + expected.path).pathname);
    }
    if (expected.query !== undefined) {
      const query = [...url.searchParams].filter(([, value]) => value !== 'synthetic-token');
      assert.deepEqual(query, expected.query);
    }
    for (const [name, value] of Object.entries(expected.headers ?? {})) {
      assert.equal(request.headers[name], value);
    }
    this.#checkBody(request, expected);
    if (received !== undefined) {
      assert.deepEqual(json(JSON.stringify(received)), json(this.#answer));
    }
  }

  #checkBody(request: HttpRequest, expected: Expected): void {
    if (expected.contentType !== undefined) {
      assert.equal(
        request.headers['content-type']?.split(';')[0],
        expected.contentType.split(';')[0],
      );
    }
    if (expected.body !== undefined) {
      assert.equal(typeof request.body, 'string');
      assert.deepEqual(json(request.body as string), expected.body);
    }
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous by contract
async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
