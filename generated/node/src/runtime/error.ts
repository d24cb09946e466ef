/**
 * The base of every error of this package and the details it carries.
 *
 * An error must be safe to log anywhere. Text that came from the server (`title`, `detail`,
 * `hint`, `violations`) can be read, but is never part of what prints; request values, bodies,
 * addresses with values and tokens are not held at all, and neither is the error of the HTTP
 * library, which holds all of them.
 */

/** One fault of a request, as the server reports it. */
export interface Violation {
  /** JSON pointer to the faulty value, such as `/body/name`. */
  readonly pointer: string;
  readonly rule: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly method: string;
  /** Path template of the operation, never the address with its values. */
  readonly path: string;
  /** HTTP status; none when no answer came. */
  readonly status?: number;
  /** Stable code of the problem, or the cause of a failed connection such as `ECONNREFUSED`. */
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly retryable: boolean;
  /** Seconds the server asks to wait. */
  readonly retryAfter?: number;
  readonly decisionId?: string;
  readonly traceId?: string;
  readonly violations: readonly Violation[];
}

/** Makes the error of a class that fits the details. */
export type ErrorFactory = (details: ErrorDetails) => ErrorBase;

export abstract class ErrorBase extends Error {
  readonly #details: ErrorDetails;

  constructor(details: ErrorDetails) {
    super(summary(details));
    this.#details = details;
    Object.defineProperty(this, 'name', {
      configurable: true,
      value: new.target.name,
    });
  }

  get status(): number | undefined {
    return this.#details.status;
  }

  get code(): string | undefined {
    return this.#details.code;
  }

  get title(): string | undefined {
    return this.#details.title;
  }

  get detail(): string | undefined {
    return this.#details.detail;
  }

  get hint(): string | undefined {
    return this.#details.hint;
  }

  /** True when the same request may succeed later. */
  get retryable(): boolean {
    return this.#details.retryable;
  }

  /** Seconds the server asks to wait before the next try. */
  get retryAfter(): number | undefined {
    return this.#details.retryAfter;
  }

  get decisionId(): string | undefined {
    return this.#details.decisionId;
  }

  get traceId(): string | undefined {
    return this.#details.traceId;
  }

  get violations(): readonly Violation[] {
    return this.#details.violations;
  }

  get method(): string {
    return this.#details.method;
  }

  get path(): string {
    return this.#details.path;
  }

  /** What a structured log may hold. */
  toJSON(): Record<string, unknown> {
    const { method, path, status, retryable, retryAfter, decisionId, traceId } = this.#details;
    const code = printableCode(this.#details.code);
    const fields = { status, code, retryable, retryAfter, decisionId, traceId, method, path };
    return { name: this.name, message: this.message, ...fields };
  }
}

function summary(details: ErrorDetails): string {
  const code = printableCode(details.code);
  const request = `${details.method} ${details.path}`;
  const cause = code === undefined ? '' : ` (${code})`;
  return details.status === undefined
    ? `${request} got no answer${cause}`
    : `${request} answered ${String(details.status)}${cause}`;
}

/** A code is an identifier; anything else a server puts there stays unprinted. */
function printableCode(code: string | undefined): string | undefined {
  return code !== undefined && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(code) ? code : undefined;
}
