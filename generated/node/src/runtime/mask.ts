/**
 * Masked printing: classified fields show as `***` in `console.log`, `util.inspect` and every
 * logger built on them, while `JSON.stringify` and property access still give the true value.
 *
 * Two guards stand behind each other. An inspection hook prints the mask, and classified fields
 * become accessors, because `console.dir` skips hooks but never calls a getter.
 */

import type { InspectOptions } from 'node:util';

/**
 * What to mask in a value: all of it (`true`), what the table says of a type (its name), or
 * parts of it.
 */
export type Mask =
  | true
  | string
  | {
      readonly fields?: Readonly<Record<string, Mask>>;
      readonly items?: Mask;
      readonly values?: Mask;
      readonly variants?: readonly Mask[];
    };

export type MaskTable = Readonly<Record<string, Mask>>;

type Inspect = (value: unknown, options: InspectOptions) => string;

type Fields = Record<PropertyKey, unknown>;

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

const HIDDEN = { [INSPECT]: () => '***' };

/** A copy of the value that prints masked; the parts without a mask are shared, not copied. */
export function masked<Value>(value: Value, mask: Mask | undefined, table: MaskTable): Value {
  if (mask === undefined || typeof value !== 'object' || value === null) {
    return value;
  }
  return maskedObject(value, mask, table) as Value;
}

function maskedObject(value: object, mask: Mask, table: MaskTable): object {
  if (mask === true) {
    return hide(Array.isArray(value) ? [...(value as unknown[])] : { ...value });
  }
  if (typeof mask === 'string') {
    return masked(value, table[mask], table);
  }
  let result = value;
  for (const variant of mask.variants ?? []) {
    result = maskedObject(result, variant, table);
  }
  if (Array.isArray(result)) {
    const items: unknown[] = result;
    return mask.items === undefined ? items : items.map((item) => masked(item, mask.items, table));
  }
  if (mask.fields !== undefined || mask.values !== undefined) {
    result = maskedFields(result as Fields, mask.fields ?? {}, mask.values, table);
  }
  return result;
}

function maskedFields(
  value: Fields,
  fields: Readonly<Record<string, Mask>>,
  values: Mask | undefined,
  table: MaskTable,
): object {
  const copy: Fields = {};
  const hidden = new Set(hiddenFields.get(value));
  for (const key of Object.keys(value)) {
    const mask = Object.hasOwn(fields, key) ? fields[key] : values;
    if (mask === true) {
      hidden.add(key);
    }
    if (hidden.has(key)) {
      defineHidden(copy, key, value[key]);
    } else {
      defineShown(copy, key, masked(value[key], mask, table));
    }
  }
  hiddenFields.set(copy, hidden);
  Object.defineProperty(copy, INSPECT, {
    configurable: true,
    value: (depth: number, options: InspectOptions, inspect: Inspect) =>
      inspect(shown(copy, hidden), { ...options, depth }),
  });
  return copy;
}

/** Names of the hidden fields of each masked object, so that a second mask adds to the first. */
const hiddenFields = new WeakMap<object, ReadonlySet<string>>();

function defineHidden(target: object, key: string, initial: unknown): void {
  let current = initial;
  Object.defineProperty(target, key, {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (next: unknown) => {
      current = next;
    },
  });
}

/** Unlike assignment, this cannot reach a setter such as `__proto__`. */
function defineShown(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    configurable: true,
    enumerable: true,
    writable: true,
    value,
  });
}

function shown(value: Fields, hidden: ReadonlySet<string>): object {
  const copy = {};
  for (const key of Object.keys(value)) {
    const classified = hidden.has(key) && value[key] !== undefined && value[key] !== null;
    defineShown(copy, key, classified ? HIDDEN : value[key]);
  }
  return copy;
}

function hide(copy: object): object {
  for (const [key, value] of Object.entries(copy)) {
    defineHidden(copy, key, value);
  }
  Object.defineProperty(copy, INSPECT, { configurable: true, value: () => '***' });
  return copy;
}
