/**
 * The facts of an operation, as the contract states them.
 *
 * Generated files hold one constant of this shape for each operation; the transport reads
 * nothing else, so behaviour and facts never mix.
 */

import type { Mask } from './mask.js';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'OPTIONS' | 'HEAD' | 'PATCH' | 'TRACE';

/** Where a value travels. */
export type Place = 'path' | 'query' | 'header' | 'cookie';

/** How a value is spelled there (OpenAPI "style"; `json` is a parameter with JSON content). */
export type Style =
  | 'simple'
  | 'form'
  | 'label'
  | 'matrix'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'deepObject'
  | 'json';

export interface Parameter {
  /** Name in source. */
  readonly name: string;
  /** Name on the wire. */
  readonly wireName: string;
  readonly place: Place;
  readonly style: Style;
  readonly explode: boolean;
}

/** How the credential of the client is shown to the server. */
export interface Credential {
  readonly place: 'header' | 'query' | 'cookie';
  readonly wireName: string;
  /** `Bearer`, `Basic`, or empty when the credential stands alone. */
  readonly scheme: string;
}

export type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'binary';

export type AnswerKind = 'json' | 'text' | 'binary' | 'none' | 'events' | 'lines';

/** When a failed try may be sent again: always, with an idempotency key, or never. */
export type Idempotency = 'natural' | 'key' | 'none';

export interface Operation {
  readonly method: Method;
  /** Path with its parameters as `{name}`; the only form of the address that errors show. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly idempotency: Idempotency;
  readonly credential?: Credential;
  readonly body?: { readonly kind: BodyKind; readonly mediaType: string };
  readonly answer: {
    readonly kind: AnswerKind;
    readonly mediaType?: string;
    readonly mask?: Mask;
  };
}

/** Values of the parameters by their names in source. */
export type Values = Readonly<Record<string, unknown>>;
