/** Reads RFC 9457 problem details, and makes the best of answers that are something else. */

import type { ErrorDetails, Violation } from './error.js';
import type { Operation } from './operation.js';

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

type Fields = Readonly<Record<string, unknown>>;

/** Whether an answer with this status may be followed by another try. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_STATUSES.has(status);
}

/** Details of an answer that is not a success. */
export function problemDetails(
  operation: Operation,
  status: number,
  body: Uint8Array,
  retryAfter: number | undefined,
): ErrorDetails {
  const problem = readObject(body);
  const retryable = problem['retryable'];
  return present({
    method: operation.method,
    path: operation.path,
    status,
    code: text(problem['code']),
    title: text(problem['title']),
    detail: text(problem['detail']),
    hint: text(problem['hint']),
    retryable: typeof retryable === 'boolean' ? retryable : isRetryableStatus(status),
    retryAfter: retryAfter ?? number(problem['retry_after']),
    decisionId: text(problem['decision_id']),
    traceId: text(problem['trace_id']),
    violations: violations(problem['violations']),
  });
}

/** Details of a request that got no answer, or none that can be read. */
export function failureDetails(
  operation: Operation,
  code: string,
  retryable: boolean,
): ErrorDetails {
  const { method, path } = operation;
  return { method, path, code, retryable, violations: [] };
}

function readObject(body: Uint8Array): Fields {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function violations(value: unknown): Violation[] {
  if (!Array.isArray(value)) {
    return [];
  }
  return value.filter(isObject).map((entry) => ({
    pointer: text(entry['pointer']) ?? '',
    rule: text(entry['rule']) ?? '',
    message: text(entry['message']) ?? '',
  }));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

type Loose<Type> = { [Key in keyof Type]: Type[Key] | undefined };

/** The same object without the fields that are undefined. */
function present<Type extends object>(fields: Loose<Type>): Type {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Type;
}
