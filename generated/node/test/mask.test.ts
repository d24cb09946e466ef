import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { masked, type MaskTable } from '../src/runtime/mask.js';
import { operation, SETTINGS, transport, FakeClock, FakeSender } from './support/fake.js';

const TABLE: MaskTable = {
  Login: { fields: { password: true, device: 'Device' } },
  Device: { fields: { serial: true }, values: 'Note' },
  Note: true,
  Tree: { fields: { secret: true, children: { items: 'Tree' } } },
  Either: { variants: ['Login', 'Tree'] },
};

function prints(value: unknown): string {
  const plain = { depth: 10, customInspect: false };
  return inspect(value, { depth: 10 }) + inspect(value, plain);
}

void test('classified fields print as a mask and travel as they are', () => {
  const login = { username: 'u', password: 's3cret', device: { serial: 's3cret', model: 'm' } };
  const copy = masked(login, 'Login', TABLE);
  assert.ok(!prints(copy).includes('s3cret'));
  assert.match(inspect(copy), /password: \*\*\*/);
  assert.match(inspect(copy), /username: 'u'/);
  assert.equal(JSON.stringify(copy), JSON.stringify(login));
  assert.equal(copy.password, 's3cret');
  assert.deepEqual({ ...copy.device }, login.device);
  assert.match(inspect(login), /s3cret/);
});

void test('a masked field can be set and stays masked', () => {
  const copy = masked({ username: 'u', password: 'old' }, 'Login', TABLE);
  copy.password = 's3cret';
  assert.equal(copy.password, 's3cret');
  assert.ok(!prints(copy).includes('s3cret'));
});

void test('masks reach into arrays, maps, unions and types that hold themselves', () => {
  const tree = { secret: 's3cret', children: [{ secret: 's3cret', children: [] }] };
  assert.ok(!prints(masked(tree, 'Tree', TABLE)).includes('s3cret'));
  assert.ok(!prints(masked([tree], { items: 'Either' }, TABLE)).includes('s3cret'));
  const map = { a: { text: 's3cret' } };
  assert.ok(!prints(masked(map, { values: 'Note' }, TABLE)).includes('s3cret'));
  assert.equal(inspect(masked(['s3cret'], true, TABLE)), '***');
  assert.ok(!prints({ outer: masked(tree, 'Either', TABLE) }).includes('s3cret'));
});

void test('a value without a mask is left alone', () => {
  const value = { a: 1 };
  assert.equal(masked(value, undefined, TABLE), value);
  assert.equal(masked('text', 'Login', TABLE), 'text');
  assert.equal(masked(null, 'Login', TABLE), null);
});

void test('a field named __proto__ stays a field', () => {
  const value = JSON.parse('{"__proto__":{"x":1},"password":"s3cret"}') as object;
  const copy = masked(value, 'Login', TABLE);
  assert.equal(JSON.stringify(copy), '{"__proto__":{"x":1},"password":"s3cret"}');
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});

void test('answers come masked', async () => {
  const sender = new FakeSender({ status: 200, body: '{"password":"s3cret"}' });
  const client = transport(sender, {}, new FakeClock(), { ...SETTINGS, masks: TABLE });
  const facts = operation({ answer: { kind: 'json', mask: 'Login' } });
  const answer = await client.send<{ password: string }>(facts, {}, undefined, {});
  assert.equal(answer.password, 's3cret');
  assert.ok(!prints(answer).includes('s3cret'));
});
