import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeBody, encodeRequest } from '../src/runtime/encode.js';
import { defined } from '../src/runtime/fields.js';
import type { Parameter } from '../src/runtime/operation.js';
import { operation } from './support/fake.js';

function parameter(facts: Partial<Parameter>): Parameter {
  return { name: 'v', wireName: 'v', place: 'query', style: 'form', explode: true, ...facts };
}

function query(facts: Partial<Parameter>, value: unknown): string {
  return encodeRequest(operation({ parameters: [parameter(facts)] }), { v: value }).target;
}

function path(facts: Partial<Parameter>, value: unknown): string {
  const place = parameter({ place: 'path', style: 'simple', explode: false, ...facts });
  return encodeRequest(operation({ path: '/t/{v}/x', parameters: [place] }), { v: value }).target;
}

void suite('parameters', () => {
  void test('travel in the query by their style', () => {
    const list = ['a b', 'c'];
    const object = { x: 1, y: 'z&' };
    for (const [facts, value, expected] of [
      [{}, 'a&b', '?v=a%26b'],
      [{}, list, '?v=a%20b&v=c'],
      [{ explode: false }, list, '?v=a%20b,c'],
      [{ style: 'spaceDelimited', explode: false }, list, '?v=a%20b%20c'],
      [{ style: 'pipeDelimited', explode: false }, list, '?v=a%20b%7Cc'],
      [{}, object, '?x=1&y=z%26'],
      [{ explode: false }, object, '?v=x,1,y,z%26'],
      [{ style: 'deepObject' }, { a: { b: 1 }, c: [2, 3] }, '?v[a][b]=1&v[c]=2&v[c]=3'],
      [{ style: 'json' }, { a: 1 }, '?v=%7B%22a%22%3A1%7D'],
      [{}, undefined, ''],
      [{}, null, ''],
      [{}, [], ''],
      [{}, false, '?v=false'],
    ] as [Partial<Parameter>, unknown, string][]) {
      assert.equal(query(facts, value), `/things${expected}`);
    }
  });

  void test('stay inside their path segment', () => {
    assert.equal(path({}, 'a/../b?c#d%'), '/t/a%2F..%2Fb%3Fc%23d%25/x');
    assert.equal(path({}, ['a', 'b/c']), '/t/a,b%2Fc/x');
    assert.equal(path({ style: 'label', explode: true }, ['a', 'b']), '/t/.a.b/x');
    assert.equal(path({ style: 'matrix' }, ['a', 'b']), '/t/;v=a,b/x');
    assert.equal(path({ style: 'matrix', explode: true }, ['a', 'b']), '/t/;v=a;v=b/x');
    assert.equal(path({ style: 'matrix', explode: true }, { a: 1, b: 2 }), '/t/;a=1;b=2/x');
    assert.equal(path({}, '$&'), '/t/%24%26/x');
    for (const value of ['', '.', '..', []]) {
      assert.throws(() => path({}, value), TypeError);
    }
  });

  void test('travel in headers and cookies', () => {
    const parameters = [
      parameter({ name: 'a', wireName: 'X-List', place: 'header', style: 'simple' }),
      parameter({ name: 'b', wireName: 'one', place: 'cookie' }),
      parameter({ name: 'c', wireName: 'two', place: 'cookie' }),
    ];
    const { headers } = encodeRequest(operation({ parameters }), { a: [1, 2], b: 'x;', c: 'y' });
    assert.deepEqual(headers, { 'X-List': '1,2', Cookie: 'one=x%3B; two=y' });
  });
});

void suite('bodies', () => {
  void test('are encoded by their kind', async () => {
    const json = await encodeBody('json', 'application/json', { a: [null, 'b'] });
    assert.equal(json.data, '{"a":[null,"b"]}');
    const form = await encodeBody('form', 'application/x-www-form-urlencoded', {
      a: 'x y',
      b: [1, 2],
      c: undefined,
    });
    assert.equal(form.data, 'a=x+y&b=1&b=2');
    assert.equal((await encodeBody('text', 'text/plain', 'hello')).data, 'hello');
    const octets = new Uint8Array([1, 2]);
    assert.equal((await encodeBody('binary', 'image/png', octets)).data, octets);
    const blob = await encodeBody('binary', 'image/png', new Blob([octets]));
    assert.deepEqual(blob.data, octets);
  });

  void test('can hold files', async () => {
    const { data, contentType } = await encodeBody('multipart', 'multipart/form-data', {
      note: 'hello',
      picture: new Blob(['octets'], { type: 'image/png' }),
      raw: new Uint8Array([65]),
      data: { a: 1 },
      many: ['x', 'y'],
    });
    assert.match(contentType, /^multipart\/form-data; ?boundary=/);
    const text = Buffer.from(data).toString();
    for (const part of [
      'name="note"\r\n\r\nhello\r\n',
      'name="picture"; filename="blob"\r\nContent-Type: image/png\r\n\r\noctets\r\n',
      'name="raw"; filename="raw"\r\nContent-Type: application/octet-stream\r\n\r\nA\r\n',
      'Content-Type: application/json\r\n\r\n{"a":1}\r\n',
      'name="many"\r\n\r\nx\r\n',
      'name="many"\r\n\r\ny\r\n',
    ]) {
      assert.ok(text.includes(part), part);
    }
  });

  void test('leave out what is undefined', () => {
    assert.deepEqual(Object.keys(defined({ a: undefined, b: null, c: 0 })), ['b', 'c']);
  });
});
