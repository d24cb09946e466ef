/** From values to the wire: addresses, headers and bodies, each by its OpenAPI style. */

import type { BodyKind, Operation, Parameter, Values } from './operation.js';

export interface EncodedRequest {
  /** Path and query, behind the base address. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface EncodedBody {
  readonly data: string | Uint8Array;
  readonly contentType: string;
}

/** Spells the parameters of an operation. Absent values (undefined, null) do not travel. */
export function encodeRequest(operation: Operation, values: Values): EncodedRequest {
  let path = operation.path;
  const query: string[] = [];
  const cookies: string[] = [];
  const headers: Record<string, string> = {};
  for (const parameter of operation.parameters) {
    const value = values[parameter.name];
    if (parameter.place === 'path') {
      path = path.replace(`{${parameter.wireName}}`, () => encodePath(parameter, value));
    } else if (value === undefined || value === null) {
      continue;
    } else if (parameter.place === 'query') {
      query.push(...encodeQuery(parameter, value));
    } else if (parameter.place === 'header') {
      headers[parameter.wireName] = flatText(parameter, value, (text) => text).join(',');
    } else {
      const text = flatText(parameter, value, encodeURIComponent).join(',');
      cookies.push(`${parameter.wireName}=${text}`);
    }
  }
  if (cookies.length > 0) {
    headers['Cookie'] = cookies.join('; ');
  }
  return { target: query.length > 0 ? `${path}?${query.join('&')}` : path, headers };
}

/**
 * A path value stays inside its segment. An empty value or a dot segment would name another
 * resource once the address is normalised, so neither is sent.
 */
function encodePath(parameter: Parameter, value: unknown): string {
  const { style, explode, wireName } = parameter;
  const parts = flatText(parameter, value, encodeURIComponent);
  const text = parts.join(',');
  if (text === '' || text === '.' || text === '..') {
    throw new TypeError(`path parameter ${wireName} must not be empty or a dot segment`);
  }
  if (style === 'label') {
    return `.${explode ? parts.join('.') : text}`;
  }
  if (style === 'matrix') {
    const named = isObject(value) && explode ? parts : parts.map((part) => `${wireName}=${part}`);
    return explode ? named.map((part) => `;${part}`).join('') : `;${wireName}=${text}`;
  }
  return text;
}

function encodeQuery(parameter: Parameter, value: unknown): string[] {
  const { style, explode, wireName } = parameter;
  const name = encodeURIComponent(wireName);
  if (style === 'deepObject' && isObject(value)) {
    return deepEntries(value, '').map(([path, text]) => `${name}${path}=${text}`);
  }
  const parts = flatText(parameter, value, encodeURIComponent);
  if (isObject(value) && explode && style !== 'json') {
    return parts;
  }
  if (Array.isArray(value) && explode && style !== 'json') {
    return parts.map((part) => `${name}=${part}`);
  }
  const separators = { spaceDelimited: '%20', pipeDelimited: '%7C' } as const;
  const separator = style === 'spaceDelimited' || style === 'pipeDelimited' ? style : undefined;
  return [`${name}=${parts.join(separator === undefined ? ',' : separators[separator])}`];
}

/** The scalar texts of a value: one, those of an array, or names and values of an object. */
function flatText(
  parameter: Parameter,
  value: unknown,
  encode: (text: string) => string,
): string[] {
  if (parameter.style === 'json') {
    return [encode(JSON.stringify(value))];
  }
  if (Array.isArray(value)) {
    return value.map((item) => encode(scalarText(item)));
  }
  if (isObject(value)) {
    const entries = definedEntries(value);
    return parameter.explode
      ? entries.map(([key, item]) => `${encode(key)}=${encode(scalarText(item))}`)
      : entries.flatMap(([key, item]) => [encode(key), encode(scalarText(item))]);
  }
  return [encode(scalarText(value))];
}

function deepEntries(value: Values, prefix: string): [string, string][] {
  return definedEntries(value).flatMap(([key, item]): [string, string][] => {
    const path = `${prefix}[${encodeURIComponent(key)}]`;
    if (isObject(item)) {
      return deepEntries(item, path);
    }
    const items: unknown[] = Array.isArray(item) ? item : [item];
    return items.map((entry) => [path, encodeURIComponent(scalarText(entry))]);
  });
}

/** Encodes the body of a request. */
export async function encodeBody(
  kind: BodyKind,
  mediaType: string,
  body: unknown,
): Promise<EncodedBody> {
  switch (kind) {
    case 'json':
      return { data: JSON.stringify(body), contentType: mediaType };
    case 'form':
      return { data: encodeForm(body as Values), contentType: mediaType };
    case 'multipart':
      return encodeMultipart(body as Values);
    case 'text':
      return { data: scalarText(body), contentType: mediaType };
    case 'binary':
      return { data: await octets(body), contentType: mediaType };
  }
}

function encodeForm(body: Values): string {
  const form = new URLSearchParams();
  for (const [key, value] of definedEntries(body)) {
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      form.append(key, scalarText(item));
    }
  }
  return form.toString();
}

async function encodeMultipart(body: Values): Promise<EncodedBody> {
  const form = new FormData();
  for (const [key, value] of definedEntries(body)) {
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (item instanceof Blob) {
        form.append(key, item);
      } else if (item instanceof Uint8Array) {
        form.append(key, new Blob([Buffer.from(item)]), key);
      } else if (isObject(item)) {
        form.append(key, new Blob([JSON.stringify(item)], { type: 'application/json' }));
      } else {
        form.append(key, scalarText(item));
      }
    }
  }
  // The platform knows how to write multipart bodies; a Response is its way to hand one out.
  const response = new Response(form);
  const contentType = response.headers.get('content-type') ?? 'multipart/form-data';
  return { data: new Uint8Array(await response.arrayBuffer()), contentType };
}

async function octets(body: unknown): Promise<string | Uint8Array> {
  if (body instanceof Blob) {
    return new Uint8Array(await body.arrayBuffer());
  }
  return body instanceof Uint8Array ? body : scalarText(body);
}

function definedEntries(value: Values): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
