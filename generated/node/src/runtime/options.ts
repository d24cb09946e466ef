/** What a caller can set: once for a client, and for each call. */

import type { HttpSender } from './http.js';

/** A token, or what gives one for each request. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ClientOptions {
  /** Address of the server; https, or http to a loopback host. */
  readonly baseUrl?: string | undefined;
  readonly token?: TokenSource | undefined;
  /** Milliseconds one try may take; 30 seconds by default. */
  readonly timeout?: number | undefined;
  /** Milliseconds a connection may take; 5 seconds by default. */
  readonly connectTimeout?: number | undefined;
  /** Tries after the first one; 2 by default. */
  readonly maxRetries?: number | undefined;
  /** PEM file with the certificate authorities to trust instead of those of Node. */
  readonly caFile?: string | undefined;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Renew the token before it ends, where the server offers that; off by default. */
  readonly renewToken?: boolean | undefined;
  /** What sends requests, for tests. */
  readonly sender?: HttpSender | undefined;
}

export interface RequestOptions {
  /** Ends the call and all its tries; it then rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds one try may take. */
  readonly timeout?: number | undefined;
  /** Tries after the first one. */
  readonly maxRetries?: number | undefined;
  /** Same key, same request: makes repeating safe across calls. Made by the client when absent. */
  readonly idempotencyKey?: string | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A variable of the environment; an empty one counts as absent. */
export function environment(prefix: string | undefined, name: string): string | undefined {
  const value = prefix === undefined ? undefined : process.env[`${prefix}_${name}`];
  return value === '' ? undefined : value;
}

/**
 * The base address without a slash at its end.
 *
 * Plain http would show the token to the network, so it is for loopback hosts only.
 */
export function checkBaseUrl(text: string | undefined): string {
  if (text === undefined) {
    throw new TypeError('the client needs a base URL: pass baseUrl or set it in the environment');
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new TypeError('the base URL must start with https://');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError('the base URL must have no user, query or fragment');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new TypeError('http:// is for loopback hosts only: use https://');
  }
  return url.href.replace(/\/+$/, '');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
