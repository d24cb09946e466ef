/**
 * Sends operations: credentials, deadlines, retries, decoding. The one place where behaviour
 * lives; generated methods only name an operation and hand over its values.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { encodeBody, encodeRequest, type EncodedBody } from './encode.js';
import type { ErrorBase, ErrorFactory } from './error.js';
import { AxiosSender, HttpFailure, type HttpResponse, type HttpSender } from './http.js';
import { masked, type MaskTable } from './mask.js';
import type { Credential, Operation, Values } from './operation.js';
import { checkBaseUrl, environment, type ClientOptions, type RequestOptions } from './options.js';
import { failureDetails, isRetryableStatus, problemDetails } from './problem.js';
import {
  backoffSeconds,
  LONGEST_RETRY_AFTER_SECONDS,
  retryAfterSeconds,
  systemClock,
  type Clock,
} from './retry.js';
import { AnswerTooLarge, readAll, readEvents, readJsonLines } from './stream.js';
import { Token, type FreshToken } from './token.js';

/** What the contract says of the client as a whole. */
export interface Settings {
  readonly userAgent: string;
  readonly makeError: ErrorFactory;
  readonly masks: MaskTable;
  readonly environmentPrefix?: string;
  /** Where the server is when nobody says. */
  readonly defaultBaseUrl?: string;
  readonly renewal?: Renewal;
}

/** The operation that answers a new token for the present one. */
export interface Renewal {
  readonly operation: Operation;
  readonly body: unknown;
  readonly tokenField: string;
  readonly expiresInField: string;
}

/** A request that is the same for all its tries. */
interface Prepared {
  readonly operation: Operation;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: EncodedBody | undefined;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

export class Transport {
  readonly #settings: Settings;
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #sender: HttpSender;
  readonly #token: Token;
  readonly #baseUrl: string;

  constructor(options: ClientOptions, settings: Settings, clock: Clock = systemClock) {
    const prefix = settings.environmentPrefix;
    this.#settings = settings;
    this.#options = options;
    this.#clock = clock;
    this.#baseUrl = checkBaseUrl(
      options.baseUrl ?? environment(prefix, 'BASE_URL') ?? settings.defaultBaseUrl,
    );
    this.#sender =
      options.sender ??
      new AxiosSender({ connectTimeout: options.connectTimeout ?? 5_000, caFile: options.caFile });
    const { renewal } = settings;
    const token = options.token ?? environment(prefix, 'TOKEN');
    this.#token =
      options.renewToken === true && renewal !== undefined
        ? new Token(token, clock, (shown) => this.#renew(renewal, shown))
        : new Token(token, clock);
  }

  /** Sends an operation and gives its answer; rejects with an error of the package's tree. */
  async send<Answer>(
    operation: Operation,
    values: Values,
    body: unknown,
    options: RequestOptions,
  ): Promise<Answer> {
    options.signal?.throwIfAborted();
    const token = operation.credential === undefined ? undefined : await this.#token.current();
    return (await this.#exchange(operation, values, body, options, token)) as Answer;
  }

  /** Ends idle connections and the renewal of the token. */
  close(): void {
    this.#token.close();
    this.#sender.close();
  }

  async #renew(renewal: Renewal, token: string): Promise<FreshToken> {
    const answer = await this.#exchange(renewal.operation, {}, renewal.body, {}, token);
    const fields = answer as Record<string, unknown>;
    const fresh = fields[renewal.tokenField];
    const expiresIn = fields[renewal.expiresInField];
    return {
      token: typeof fresh === 'string' ? fresh : token,
      expiresIn: typeof expiresIn === 'number' ? expiresIn : undefined,
    };
  }

  async #exchange(
    operation: Operation,
    values: Values,
    body: unknown,
    options: RequestOptions,
    token: string | undefined,
  ): Promise<unknown> {
    const request = await this.#prepare(operation, values, body, options, token);
    const repeatable = operation.idempotency !== 'none';
    const tries = repeatable ? (options.maxRetries ?? this.#options.maxRetries ?? 2) : 0;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#try(request);
      if ('answer' in outcome) {
        return outcome.answer;
      }
      const wait = this.#waitSeconds(outcome.error, outcome.mayRepeat, attempt);
      if (attempt >= tries || wait === undefined) {
        throw outcome.error;
      }
      await this.#clock.sleep(wait * 1000, options.signal);
    }
  }

  /** Seconds until the next try; none when there must not be one. */
  #waitSeconds(error: ErrorBase, mayRepeat: boolean, attempt: number): number | undefined {
    if (!mayRepeat || !error.retryable) {
      return undefined;
    }
    const asked = error.retryAfter;
    if (asked !== undefined) {
      return asked <= LONGEST_RETRY_AFTER_SECONDS ? asked : undefined;
    }
    return backoffSeconds(attempt, () => this.#clock.random());
  }

  async #prepare(
    operation: Operation,
    values: Values,
    body: unknown,
    options: RequestOptions,
    token: string | undefined,
  ): Promise<Prepared> {
    const encoded = encodeRequest(operation, values);
    const content = operation.body;
    const encodedBody =
      content === undefined || body === undefined
        ? undefined
        : await encodeBody(content.kind, content.mediaType, body);
    const headers = new Map<string, string>();
    const add = (fields: Readonly<Record<string, string>> | undefined): void => {
      for (const [name, value] of Object.entries(fields ?? {})) {
        headers.set(name.toLowerCase(), value);
      }
    };
    add({ accept: operation.answer.mediaType ?? '*/*', 'user-agent': this.#settings.userAgent });
    add({ traceparent: newTraceparent() });
    add(this.#options.headers);
    add(encoded.headers);
    if (encodedBody !== undefined) {
      headers.set('content-type', encodedBody.contentType);
    }
    if (operation.idempotency === 'key') {
      headers.set('idempotency-key', options.idempotencyKey ?? randomUUID());
    } else if (options.idempotencyKey !== undefined) {
      headers.set('idempotency-key', options.idempotencyKey);
    }
    const target = showCredential(operation.credential, token, encoded.target, headers);
    add(options.headers);
    return {
      operation,
      url: this.#baseUrl + target,
      headers: Object.fromEntries(headers),
      body: encodedBody,
      timeout: options.timeout ?? this.#options.timeout ?? 30_000,
      signal: options.signal,
    };
  }

  async #try(
    request: Prepared,
  ): Promise<{ answer: unknown } | { error: ErrorBase; mayRepeat: boolean }> {
    const { operation } = request;
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
    }, request.timeout);
    const signal =
      request.signal === undefined
        ? deadline.signal
        : AbortSignal.any([request.signal, deadline.signal]);
    try {
      const response = await this.#sender.send({
        method: operation.method,
        url: request.url,
        headers: request.headers,
        signal,
        ...(request.body !== undefined && { body: request.body.data }),
      });
      if (response.status >= 200 && response.status < 300) {
        return { answer: await this.#decode(operation, response) };
      }
      return await this.#refusal(operation, response);
    } catch (error) {
      request.signal?.throwIfAborted();
      const mayRepeat = error instanceof HttpFailure;
      const code = deadline.signal.aborted ? 'ETIMEDOUT' : failureCode(error);
      const details = failureDetails(operation, code, mayRepeat);
      return { error: this.#settings.makeError(details), mayRepeat };
    } finally {
      clearTimeout(timer);
    }
  }

  async #refusal(
    operation: Operation,
    response: HttpResponse,
  ): Promise<{ error: ErrorBase; mayRepeat: boolean }> {
    const { status, headers } = response;
    const body = await readAll(response.body);
    const retryAfter = retryAfterSeconds(headers['retry-after'], this.#clock.now());
    const details = problemDetails(operation, status, body, retryAfter);
    return { error: this.#settings.makeError(details), mayRepeat: isRetryableStatus(status) };
  }

  async #decode(operation: Operation, response: HttpResponse): Promise<unknown> {
    const { kind, mask } = operation.answer;
    if (kind === 'events') {
      return this.#guard(operation, readEvents(response.body));
    }
    if (kind === 'lines') {
      return this.#guard(operation, readJsonLines(response.body));
    }
    const body = await readAll(response.body);
    if (kind === 'none' || (body.byteLength === 0 && kind === 'json')) {
      return undefined;
    }
    if (kind === 'binary') {
      return body;
    }
    const text = new TextDecoder().decode(body);
    return kind === 'text' ? text : masked(JSON.parse(text) as unknown, mask, this.#settings.masks);
  }

  /** A stream that breaks gives an error of the tree, which shows nothing of what came. */
  async *#guard<Item>(operation: Operation, items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const { mask } = operation.answer;
    try {
      for await (const item of items) {
        yield masked(item, mask, this.#settings.masks);
      }
    } catch (error) {
      throw this.#settings.makeError(failureDetails(operation, failureCode(error), false));
    }
  }
}

/** The cause of a failed exchange. The error itself may quote the answer, so it goes no further. */
function failureCode(error: unknown): string {
  if (error instanceof HttpFailure) {
    return error.message;
  }
  if (error instanceof AnswerTooLarge) {
    return 'EANSWERTOOLARGE';
  }
  if (error instanceof SyntaxError) {
    return 'EANSWERUNREADABLE';
  }
  throw error;
}

/** Puts the credential where the scheme of the operation wants it. */
function showCredential(
  credential: Credential | undefined,
  token: string | undefined,
  target: string,
  headers: Map<string, string>,
): string {
  if (credential === undefined || token === undefined) {
    return target;
  }
  const { place, scheme, wireName } = credential;
  const secret = scheme === 'Basic' ? Buffer.from(token).toString('base64') : token;
  if (place === 'query') {
    const separator = target.includes('?') ? '&' : '?';
    return `${target}${separator}${encodeURIComponent(wireName)}=${encodeURIComponent(secret)}`;
  }
  if (place === 'cookie') {
    const cookie = `${wireName}=${encodeURIComponent(secret)}`;
    const before = headers.get('cookie');
    headers.set('cookie', before === undefined ? cookie : `${before}; ${cookie}`);
  } else {
    headers.set(wireName.toLowerCase(), scheme === '' ? secret : `${scheme} ${secret}`);
  }
  return target;
}

/** A new W3C trace context, for callers that bring none in `headers`. */
function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}
