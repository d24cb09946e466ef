import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvents, readJsonLines } from '../src/runtime/stream.js';
import { chunks } from './support/fake.js';

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

void test('events are read as the standard says, whatever the pieces', async () => {
  const text =
    ': comment\nevent: made\nid: 7\ndata: one\ndata:two\n\ndata: \u00e9\r\n\r\nid: 8\r\rdata: x\n';
  for (const size of [1, 2, 3, 1000]) {
    assert.deepEqual(await collect(readEvents(chunks(text, size))), [
      { event: 'made', data: 'one\ntwo', id: '7' },
      { event: 'message', data: '\u00e9', id: '7' },
    ]);
  }
});

void test('JSON lines are read, with or without an end', async () => {
  for (const size of [1, 4, 1000]) {
    const lines = readJsonLines(chunks('{"a":1}\n\n[2]\r\n"x"', size));
    assert.deepEqual(await collect(lines), [{ a: 1 }, [2], 'x']);
  }
});
