import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Token } from '../src/runtime/token.js';
import { FakeClock, FakeSender, operation, SETTINGS, transport } from './support/fake.js';

const LIFE = 900;

function jwt(clock: FakeClock, name: string): string {
  const iat = Math.floor(clock.now() / 1000);
  const part = (claims: object): string =>
    Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${part({ alg: 'EdDSA' })}.${part({ iat, exp: iat + LIFE, jti: name })}.synthetic`;
}

void suite('a renewed token', () => {
  void test('is asked for at two thirds of the life and not before', async () => {
    const clock = new FakeClock();
    let renewals = 0;
    const first = jwt(clock, 'first');
    const token = new Token(first, clock, () => {
      renewals += 1;
      return Promise.resolve({ token: jwt(clock, `renewed-${String(renewals)}`) });
    });
    clock.time += 599_000;
    assert.equal(await token.current(), first);
    clock.time += 2_000;
    assert.notEqual(await token.current(), first);
    assert.equal(renewals, 1);
    clock.time += 599_000;
    await token.current();
    assert.equal(renewals, 1);
    token.close();
  });

  void test('has a jitter of a tenth', async () => {
    for (const [chance, at] of [
      [0, 540_000],
      [0.999999, 660_000],
    ] as const) {
      const clock = new FakeClock();
      clock.chance = chance;
      let renewals = 0;
      const token = new Token(jwt(clock, 'first'), clock, () => {
        renewals += 1;
        return Promise.resolve({ token: jwt(clock, 'second') });
      });
      clock.time += at - 1_000;
      await token.current();
      assert.equal(renewals, 0);
      clock.time += 1_000;
      await token.current();
      assert.equal(renewals, 1);
      token.close();
    }
  });

  void test('is asked for once, however many wait for it', async () => {
    const clock = new FakeClock();
    let renewals = 0;
    const token = new Token(jwt(clock, 'first'), clock, () => {
      renewals += 1;
      return Promise.resolve({ token: 'opaque', expiresIn: 60 });
    });
    clock.time += 700_000;
    const all = await Promise.all(Array.from({ length: 20 }, () => token.current()));
    assert.deepEqual(new Set(all), new Set(['opaque']));
    assert.equal(renewals, 1);
    clock.time += 41_000;
    await token.current();
    assert.equal(renewals, 2);
    token.close();
  });

  void test('may fail until the present one has ended', async () => {
    const clock = new FakeClock();
    const first = jwt(clock, 'first');
    const token = new Token(first, clock, () => Promise.reject(new Error('down')));
    clock.time += 700_000;
    assert.equal(await token.current(), first);
    clock.time += 300_000;
    await assert.rejects(token.current(), /down/);
    token.close();
  });

  void test('is not planned for a token that tells no life', async () => {
    for (const opaque of ['opaque', 'a.b.c', 'a.bnVsbA.c', '']) {
      const clock = new FakeClock();
      const token = new Token(opaque, clock, () => Promise.reject(new Error('never')));
      clock.time += 10 ** 12;
      assert.equal(await token.current(), opaque);
    }
  });
});

void test('a client renews by the operation of the contract, only when asked to', async () => {
  const renewal = {
    operation: operation({ method: 'POST', path: '/renew' }),
    body: { status: 'healthy' },
    tokenField: 'token',
    expiresInField: 'expires_in',
  };
  const settings = { ...SETTINGS, renewal };
  const ok = { status: 200, body: '{}' };
  for (const renewToken of [true, false]) {
    const clock = new FakeClock();
    const token = jwt(clock, 'first');
    const fresh = { status: 200, body: JSON.stringify({ token: 'fresh', expires_in: 900 }) };
    const sender = renewToken ? new FakeSender(fresh, ok) : new FakeSender(ok);
    const client = transport(sender, { token, renewToken }, clock, settings);
    clock.time += 700_000;
    await client.send(operation(), {}, undefined, {});
    const paths = sender.requests.map((request) => new URL(request.url).pathname);
    assert.deepEqual(paths, renewToken ? ['/renew', '/things'] : ['/things']);
    const shown = sender.requests.at(-1)?.headers['authorization'];
    assert.equal(shown, renewToken ? 'Bearer fresh' : `Bearer ${token}`);
    client.close();
  }
});
