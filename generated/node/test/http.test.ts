import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { suite, test } from 'node:test';
import type { SecureVersion } from 'node:tls';
import { AxiosSender, HttpFailure, type HttpOptions } from '../src/runtime/http.js';
import { readAll } from '../src/runtime/stream.js';

// Tests run from the folder of the package.
const CERTIFICATE = 'test/support/localhost.cert.pem';
const KEY = 'test/support/localhost.key.pem';

const OPTIONS: HttpOptions = { connectTimeout: 2_000 };

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function get(
  url: string,
  options: HttpOptions = OPTIONS,
): Promise<{ status: number; text: string; location: string | undefined }> {
  const sender = new AxiosSender(options);
  try {
    const signal = AbortSignal.timeout(10_000);
    const response = await sender.send({ method: 'GET', url, headers: { 'x-a': 'b' }, signal });
    const text = Buffer.from(await readAll(response.body)).toString();
    return { status: response.status, text, location: response.headers['location'] };
  } finally {
    sender.close();
  }
}

async function secureServer(maxVersion: SecureVersion): Promise<[Server, number]> {
  const server = createHttpsServer(
    { key: readFileSync(KEY), cert: readFileSync(CERTIFICATE), maxVersion },
    (_request, response) => {
      response.end('secure');
    },
  );
  return [server, await listen(server)];
}

async function cause(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HttpFailure, 'the request should have failed');
  assert.deepEqual(Object.keys(error), []);
  return error.message;
}

void suite('plain http', () => {
  void test('carries method, headers and body both ways', async () => {
    const server = createHttpServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.setHeader('x-many', ['one', 'two']);
        response.statusCode = 207;
        const { method, url, headers } = request;
        const type = headers['content-type'] ?? '';
        response.end(`${method ?? ''} ${url ?? ''} ${type} ${Buffer.concat(parts).toString()}`);
      });
    });
    const port = await listen(server);
    const sender = new AxiosSender(OPTIONS);
    const response = await sender.send({
      method: 'POST',
      url: `http://127.0.0.1:${String(port)}/a%2Fb?c=%20d`,
      headers: { 'content-type': 'text/x' },
      body: 'hello',
      signal: AbortSignal.timeout(10_000),
    });
    assert.equal(response.status, 207);
    assert.equal(response.headers['x-many'], 'one, two');
    const text = Buffer.from(await readAll(response.body)).toString();
    assert.equal(text, 'POST /a%2Fb?c=%20d text/x hello');
    sender.close();
    server.close();
  });

  void test('follows no redirect', async () => {
    const server = createHttpServer((_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    const port = await listen(server);
    const answer = await get(`http://127.0.0.1:${String(port)}/`);
    assert.equal(answer.status, 302);
    assert.equal(answer.location, 'http://127.0.0.1:1/');
    server.close();
  });

  void test('fails with a short cause', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    assert.equal(await cause(get(`http://127.0.0.1:${String(port)}/`)), 'ECONNREFUSED');
  });

  void test('fails when the body breaks off', async () => {
    const server = createHttpServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part', () => response.destroy());
    });
    const port = await listen(server);
    assert.match(await cause(get(`http://127.0.0.1:${String(port)}/`)), /^E/);
    server.close();
  });
});

void suite('TLS', () => {
  void test('is accepted from version 1.3 with a trusted certificate', async () => {
    const [server, port] = await secureServer('TLSv1.3');
    const options = { ...OPTIONS, caFile: CERTIFICATE };
    assert.equal((await get(`https://localhost:${String(port)}/`, options)).text, 'secure');
    server.close();
  });

  void test('is refused below version 1.3', async () => {
    const [server, port] = await secureServer('TLSv1.2');
    const options = { ...OPTIONS, caFile: CERTIFICATE };
    assert.match(await cause(get(`https://localhost:${String(port)}/`, options)), /^E/);
    server.close();
  });

  void test('is refused without a trusted certificate, whatever the environment says', async () => {
    const [server, port] = await secureServer('TLSv1.3');
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const failed = await cause(get(`https://localhost:${String(port)}/`));
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    assert.equal(failed, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    server.close();
  });

  void test('must come about in time', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    const options = { connectTimeout: 20 };
    const url = `https://localhost:${String(port)}/`;
    assert.equal(await cause(get(url, options)), 'ECONNTIMEOUT');
    server.close();
  });
});
