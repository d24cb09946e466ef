/**
 * One HTTP exchange: the only file that knows the HTTP library.
 *
 * It follows no redirect, uses no proxy from the environment, always verifies certificates,
 * refuses TLS below 1.3 and gives up on a connection that does not come about in time. Its
 * failures carry a short cause and nothing of the request.
 */

import axios from 'axios';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex, Readable } from 'node:stream';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Sends requests; tests put their own in its place. */
export interface HttpSender {
  /** Rejects with an {@link HttpFailure} when no answer came. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

/** No answer came; the message is the cause, such as `ECONNREFUSED`. */
export class HttpFailure extends Error {}

export interface HttpOptions {
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** PEM file with the authorities to trust instead of those of Node. */
  readonly caFile?: string | undefined;
}

export class AxiosSender implements HttpSender {
  readonly #plain: HttpAgent;
  readonly #secure: HttpsAgent;

  constructor(options: HttpOptions) {
    this.#plain = new HttpAgent({ keepAlive: true });
    this.#secure = new HttpsAgent({
      keepAlive: true,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: true,
      ...(options.caFile !== undefined && { ca: readFileSync(options.caFile) }),
    });
    limitConnect(this.#plain, 'connect', options.connectTimeout);
    limitConnect(this.#secure, 'secureConnect', options.connectTimeout);
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    try {
      const response = await axios.request<Readable>({
        adapter: 'http',
        method: request.method,
        url: request.url,
        headers: { ...request.headers },
        data: typeof request.body === 'string' ? Buffer.from(request.body) : request.body,
        signal: request.signal,
        httpAgent: this.#plain,
        httpsAgent: this.#secure,
        proxy: false,
        maxRedirects: 0,
        maxBodyLength: Number.POSITIVE_INFINITY,
        responseType: 'stream',
        transformRequest: (data: unknown) => data,
        transformResponse: (data: unknown) => data,
        validateStatus: () => true,
      });
      const headers = flatten(response.headers);
      return { status: response.status, headers, body: chunks(response.data) };
    } catch (error) {
      throw new HttpFailure(cause(error));
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

type Connect = (...args: unknown[]) => Duplex | null | undefined;

/** Ends a connection that is not ready in time, which no option of Node's agents does. */
function limitConnect(agent: HttpAgent, ready: string, milliseconds: number): void {
  const owner = agent as unknown as { createConnection: Connect };
  const connect: Connect = owner.createConnection.bind(agent);
  owner.createConnection = (...args) => {
    const socket = connect(...args);
    if (socket) {
      const late = Object.assign(new Error('connect timeout'), { code: 'ECONNTIMEOUT' });
      const timer = setTimeout(() => socket.destroy(late), milliseconds);
      const stop = (): void => {
        clearTimeout(timer);
      };
      socket.once(ready, stop).once('close', stop);
    }
    return socket;
  };
}

async function* chunks(stream: Readable): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of stream) {
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw new HttpFailure(cause(error));
  }
}

function flatten(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') {
      flat[name.toLowerCase()] = value;
    } else if (Array.isArray(value)) {
      flat[name.toLowerCase()] = value.join(', ');
    }
  }
  return flat;
}

/** Only the code leaves: messages of the library can name hosts, and its errors hold the request. */
function cause(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : 'ECONNECTION';
}
