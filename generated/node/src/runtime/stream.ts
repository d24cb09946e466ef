/** Reads bodies: whole ones up to a cap, and streams of server-sent events and JSON lines. */

/** One event of a `text/event-stream`. */
export interface ServerEvent {
  /** `message` when the server names none. */
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** Octets an answer may have. */
export const ANSWER_LIMIT = 32 * 1024 * 1024;

/** An answer is larger than the client accepts. */
export class AnswerTooLarge extends Error {}

/** Reads a body to its end. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.byteLength;
    if (size > ANSWER_LIMIT) {
      throw new AnswerTooLarge();
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Events as the HTML standard reads them; an unfinished one at the end is dropped. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  let event = '';
  let data: string[] = [];
  let id = '';
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) {
        yield { event: event === '' ? 'message' : event, data: data.join('\n'), id };
      }
      event = '';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      data.push(value);
    } else if (field === 'event') {
      event = value;
    } else if (field === 'id' && !value.includes('\0')) {
      id = value;
    }
  }
}

/** The values of a body with one JSON text on each line. */
export async function* readJsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator {
  for await (const line of readLines(body, true)) {
    if (line.trim() !== '') {
      yield JSON.parse(line) as unknown;
    }
  }
}

/** Lines end with LF, CRLF or CR; a carriage return at the end of a chunk waits for the next. */
async function* readLines(
  body: AsyncIterable<Uint8Array>,
  keepRest = false,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true });
    const held = rest.endsWith('\r') ? '\r' : '';
    const lines = rest.slice(0, rest.length - held.length).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + held;
    if (Buffer.byteLength(rest) > ANSWER_LIMIT) {
      throw new AnswerTooLarge();
    }
    yield* lines;
  }
  rest += decoder.decode();
  if (rest.endsWith('\r')) {
    yield rest.slice(0, -1);
  } else if (keepRest && rest !== '') {
    yield rest;
  }
}
