import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Operation } from '../src/runtime/operation.js';
import type { RequestOptions } from '../src/runtime/options.js';
import type { Transport } from '../src/runtime/transport.js';
import {
  FakeClock,
  FakeSender,
  operation,
  SETTINGS,
  TestError,
  transport,
} from './support/fake.js';

const OK = { status: 200, body: '{"ok":true}' };

function send(
  client: Transport,
  facts: Partial<Operation> = {},
  options: RequestOptions = {},
): Promise<unknown> {
  return client.send(operation(facts), {}, undefined, options);
}

async function failure(call: Promise<unknown>): Promise<TestError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TestError, 'the call should have failed');
  return error;
}

void suite('a request', () => {
  void test('shows token, agent, accepted type and a new trace', async () => {
    const sender = new FakeSender(OK);
    assert.deepEqual(await send(transport(sender)), { ok: true });
    const headers = sender.requests[0]?.headers ?? {};
    assert.equal(headers['authorization'], 'Bearer synthetic-token');
    assert.equal(headers['user-agent'], 'synthetic/1.0.0');
    assert.equal(headers['accept'], 'application/json');
    assert.match(headers['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  void test('keeps the trace and the headers the caller brings', async () => {
    const sender = new FakeSender(OK);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const client = transport(sender, { headers: { 'X-Team': 'one' } });
    await send(client, {}, { headers: { Traceparent: traceparent } });
    assert.equal(sender.requests[0]?.headers['traceparent'], traceparent);
    assert.equal(sender.requests[0].headers['x-team'], 'one');
  });

  void test('shows no token to an operation that asks for none', async () => {
    const sender = new FakeSender(OK);
    const { credential, ...open } = operation();
    await transport(sender).send(open, {}, undefined, {});
    assert.ok(credential);
    assert.equal(sender.requests[0]?.headers['authorization'], undefined);
  });

  void test('asks a token function each time', async () => {
    const sender = new FakeSender(OK, OK);
    let count = 0;
    const client = transport(sender, { token: () => `token-${String((count += 1))}` });
    await send(client);
    await send(client);
    assert.equal(sender.requests[1]?.headers['authorization'], 'Bearer token-2');
  });

  void test('puts an API key where the scheme wants it', async () => {
    const sender = new FakeSender(OK, OK, OK);
    const client = transport(sender);
    await send(client, { credential: { place: 'query', wireName: 'key', scheme: '' } });
    await send(client, { credential: { place: 'cookie', wireName: 'key', scheme: '' } });
    await send(client, {
      credential: { place: 'header', wireName: 'Authorization', scheme: 'Basic' },
    });
    assert.equal(sender.requests[0]?.url, 'http://127.0.0.1:9/things?key=synthetic-token');
    assert.equal(sender.requests[1]?.headers['cookie'], 'key=synthetic-token');
    const basic = `Basic ${Buffer.from('synthetic-token').toString('base64')}`;
    assert.equal(sender.requests[2]?.headers['authorization'], basic);
  });
});

void suite('a failed try', () => {
  void test('is repeated after a connection error and after 408, 429, 502, 503 and 504', async () => {
    for (const status of [408, 429, 502, 503, 504]) {
      const sender = new FakeSender({ status }, 'ECONNRESET', OK);
      const clock = new FakeClock();
      assert.deepEqual(await send(transport(sender, {}, clock)), { ok: true });
      assert.deepEqual(clock.slept, [250, 500]);
    }
  });

  void test('is not repeated after other statuses', async () => {
    for (const status of [302, 400, 404, 409, 500, 501]) {
      const sender = new FakeSender({ status }, OK);
      const error = await failure(send(transport(sender)));
      assert.equal(error.status, status);
      assert.equal(sender.requests.length, 1);
    }
  });

  void test('is not repeated when the operation may not be', async () => {
    const sender = new FakeSender({ status: 503 }, OK);
    await failure(send(transport(sender), { idempotency: 'none' }));
    assert.equal(sender.requests.length, 1);
  });

  void test('is repeated with the same idempotency key', async () => {
    const sender = new FakeSender('ECONNRESET', { status: 503 }, OK, OK);
    const client = transport(sender);
    await send(client, { idempotency: 'key' });
    await send(client, { idempotency: 'key' });
    const keys = sender.requests.map((request) => request.headers['idempotency-key']);
    assert.match(keys[0] ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(keys.slice(0, 3), [keys[0], keys[0], keys[0]]);
    assert.notEqual(keys[3], keys[0]);
  });

  void test('uses the key of the caller', async () => {
    const sender = new FakeSender(OK);
    await send(transport(sender), { idempotency: 'key' }, { idempotencyKey: 'mine' });
    assert.equal(sender.requests[0]?.headers['idempotency-key'], 'mine');
  });

  void test('is repeated twice and no more, or as often as asked', async () => {
    const sender = new FakeSender('EPIPE', 'EPIPE', 'EPIPE', OK);
    assert.equal((await failure(send(transport(sender)))).code, 'EPIPE');
    assert.equal(sender.requests.length, 3);
    const none = new FakeSender('EPIPE', OK);
    await failure(send(transport(none), {}, { maxRetries: 0 }));
    assert.equal(none.requests.length, 1);
  });

  void test('waits as long as the server asks', async () => {
    const date = 'Sat, 31 Jan 2026 09:30:10 GMT';
    for (const [header, wait] of [
      ['7', 7_000],
      [date, 10_000],
    ] as const) {
      const sender = new FakeSender({ status: 503, headers: { 'retry-after': header } }, OK);
      const clock = new FakeClock();
      await send(transport(sender, {}, clock));
      assert.deepEqual(clock.slept, [wait]);
    }
  });

  void test('is left to the caller when the server asks for more than a minute', async () => {
    const sender = new FakeSender({ status: 429, headers: { 'retry-after': '61' } }, OK);
    const error = await failure(send(transport(sender)));
    assert.equal(error.retryAfter, 61);
    assert.equal(sender.requests.length, 1);
  });

  void test('is not repeated when the problem says so', async () => {
    const body = '{"code":"circuit_open","retryable":false}';
    const sender = new FakeSender({ status: 503, body }, OK);
    assert.equal((await failure(send(transport(sender)))).code, 'circuit_open');
    assert.equal(sender.requests.length, 1);
  });
});

void suite('an answer', () => {
  void test('that is a problem becomes an error with its details', async () => {
    const body = JSON.stringify({
      code: 'invalid_request',
      title: 'Invalid',
      detail: 'One field.',
      hint: 'Mend it.',
      retryable: false,
      decision_id: 'd-1',
      trace_id: 't-1',
      violations: [{ pointer: '/body/name', rule: 'minLength', message: 'too short' }, 7],
    });
    const error = await failure(send(transport(new FakeSender({ status: 400, body }))));
    assert.equal(error.title, 'Invalid');
    assert.equal(error.detail, 'One field.');
    assert.equal(error.hint, 'Mend it.');
    assert.equal(error.retryable, false);
    assert.equal(error.decisionId, 'd-1');
    assert.equal(error.traceId, 't-1');
    assert.equal(error.method, 'GET');
    assert.equal(error.path, '/things');
    assert.deepEqual(error.violations, [
      { pointer: '/body/name', rule: 'minLength', message: 'too short' },
    ]);
  });

  void test('that is no problem still becomes an error of its status', async () => {
    for (const body of ['', '<html>', '[]', 'null', '{"code":7}']) {
      const error = await failure(send(transport(new FakeSender({ status: 418, body }))));
      assert.equal(error.status, 418);
      assert.equal(error.code, undefined);
    }
  });

  void test('that cannot be read is an error that does not quote it', async () => {
    const sender = new FakeSender({ status: 200, body: '{"name":"Ada' }, OK);
    const error = await failure(send(transport(sender)));
    assert.equal(error.code, 'EANSWERUNREADABLE');
    assert.ok(!JSON.stringify(error).includes('Ada'));
    assert.equal(sender.requests.length, 1);
  });

  void test('is read by its kind', async () => {
    const reply = { status: 200, body: 'text' };
    const client = transport(new FakeSender(reply, reply, reply, { status: 204 }));
    assert.equal(await send(client, { answer: { kind: 'text' } }), 'text');
    assert.deepEqual(await send(client, { answer: { kind: 'binary' } }), Buffer.from('text'));
    assert.equal(await send(client, { answer: { kind: 'none' } }), undefined);
    assert.equal(await send(client), undefined);
  });

  void test('can be a stream, which breaks with an error of the tree', async () => {
    const client = transport(new FakeSender({ status: 200, body: '{"a":1}\n{"name":"Ada' }));
    const lines = (await send(client, { answer: { kind: 'lines' } })) as AsyncIterable<unknown>;
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const line of lines) {
        seen.push(line);
      }
    })();
    assert.equal((await failure(reading)).code, 'EANSWERUNREADABLE');
    assert.deepEqual(seen, [{ a: 1 }]);
  });

  void test('may not be larger than the limit', async () => {
    const body = ' '.repeat(33 * 1024 * 1024);
    const sender = new FakeSender();
    sender.send = () =>
      Promise.resolve({
        status: 200,
        headers: {},
        // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
        body: (async function* () {
          yield Buffer.from(body);
        })(),
      });
    assert.equal((await failure(send(transport(sender)))).code, 'EANSWERTOOLARGE');
  });
});

void suite('a call', () => {
  void test('ends with the reason of its signal', async () => {
    const reason = new Error('enough');
    await assert.rejects(
      send(transport(new FakeSender(OK)), {}, { signal: AbortSignal.abort(reason) }),
      reason,
    );
    const controller = new AbortController();
    const sender = new FakeSender();
    sender.send = () => {
      controller.abort(reason);
      return Promise.reject(new Error('aborted'));
    };
    await assert.rejects(send(transport(sender), {}, { signal: controller.signal }), reason);
  });

  void test('ends when one try takes too long', async () => {
    const sender = new FakeSender();
    sender.send = (request) =>
      new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    const error = await failure(send(transport(sender), { idempotency: 'none' }, { timeout: 5 }));
    assert.equal(error.code, 'ETIMEDOUT');
  });
});

void suite('a client', () => {
  void test('refuses addresses that would show the token', () => {
    for (const baseUrl of [
      'http://example.org',
      'http://127.0.0.1.example.org',
      'ftp://example.org',
      'https://user:pass@example.org',
      'https://example.org/?a=b',
      'example.org',
    ]) {
      assert.throws(() => transport(new FakeSender(), { baseUrl }), TypeError);
    }
    for (const baseUrl of ['https://example.org/api/', 'http://localhost:1', 'http://[::1]:1']) {
      transport(new FakeSender(), { baseUrl }).close();
    }
  });

  void test('reads address and token from the environment', async () => {
    process.env['SYNTHETIC_BASE_URL'] = 'http://127.0.0.1:7/api/';
    process.env['SYNTHETIC_TOKEN'] = 'from-environment';
    const sender = new FakeSender(OK);
    const settings = { ...SETTINGS, environmentPrefix: 'SYNTHETIC' };
    const options = { baseUrl: undefined, token: undefined };
    await send(transport(sender, options, new FakeClock(), settings));
    assert.equal(sender.requests[0]?.url, 'http://127.0.0.1:7/api/things');
    assert.equal(sender.requests[0].headers['authorization'], 'Bearer from-environment');
    delete process.env['SYNTHETIC_BASE_URL'];
    assert.throws(() => transport(sender, options, new FakeClock(), settings), /base URL/);
  });

  void test('closes what it sends with', () => {
    const sender = new FakeSender();
    transport(sender).close();
    assert.ok(sender.closed);
  });
});
