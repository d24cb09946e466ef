import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { operation, TestError, transport } from './support/fake.js';

const SECRETS = ['s3cret-token', 'Ada', 'MRN-0042', '127.0.0.1'];

void test('an error prints nothing of the request, the answer or the token', async () => {
  const problem = JSON.stringify({
    code: 'forbidden',
    title: 'about Ada',
    detail: 'MRN-0042',
    hint: 'Ada',
    violations: [{ pointer: '/body/MRN-0042', rule: 'x', message: 'Ada' }],
  });
  const answer = {
    status: 403,
    headers: {},
    body: (async function* () {
      yield await Promise.resolve(Buffer.from(problem));
    })(),
  };
  const sender = { send: () => Promise.resolve(answer), close: () => undefined };
  const client = transport(sender, { token: 's3cret-token' });
  const facts = operation({
    method: 'POST',
    path: '/people/{id}',
    parameters: [{ name: 'id', wireName: 'id', place: 'path', style: 'simple', explode: false }],
    body: { kind: 'json', mediaType: 'application/json' },
  });
  const error: unknown = await client
    .send(facts, { id: 'MRN-0042' }, { name: 'Ada' }, {})
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof TestError);
  assert.equal(error.message, 'POST /people/{id} answered 403 (forbidden)');
  assert.equal(error.name, 'TestError');
  assert.equal(error.detail, 'MRN-0042');
  const printed = [
    inspect(error, { depth: 10, showHidden: true, getters: false }),
    inspect(client, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    String(error),
    error.stack ?? '',
  ].join('\n');
  for (const secret of SECRETS) {
    assert.ok(!printed.includes(secret), `${secret} is printed`);
  }
});

void test('a code that is no identifier does not print', () => {
  const details = { method: 'GET', path: '/', status: 400, retryable: false, violations: [] };
  const error = new TestError({ ...details, code: 'patient Ada' });
  assert.equal(error.message, 'GET / answered 400');
  assert.equal(JSON.stringify(error).includes('Ada'), false);
});
