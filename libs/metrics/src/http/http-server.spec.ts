import { LockstepError } from '@lockstep/config';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { plain, serveHttp } from './http-server.js';
import type { HttpServer, Route } from './http-server.js';

async function serve(routes: Readonly<Record<string, Route>>): Promise<HttpServer> {
  const server = await serveHttp({ host: '127.0.0.1', port: 0, routes });
  onTestFinished(() => server.close());
  return server;
}

describe('the HTTP server', () => {
  it('answers what is in its table, with headers that keep a browser to it', async () => {
    const { url } = await serve({ '/hello': () => plain(200, 'there') });
    const response = await fetch(`${url}hello?x=1`);
    expect([response.status, await response.text()]).toEqual([200, 'there']);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${url}hello`, { method: 'HEAD' })).headers.get('content-length')).toBe('5');
  });

  it.each([['../secret'], ['hello/'], ['constructor'], ['__proto__'], ['%2e%2e%2fhello']])(
    'has nothing at /%s',
    async (path) => {
      const { url } = await serve({ '/hello': () => plain(200, 'there') });
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    },
  );

  it('asks to come again for what is not there yet, and says that it is not when no more comes', async () => {
    const at = { host: '127.0.0.1', port: 0, routes: {}, meanwhile: plain(503, 'later\n') };
    const server = await serveHttp(at);
    onTestFinished(() => server.close());
    const ask = async (path: string): Promise<number> => (await fetch(`${server.url}${path}`)).status;
    expect(await ask('hello')).toBe(503);
    server.add({ '/hello': () => plain(200, 'there') });
    expect([await ask('hello'), await ask('other')]).toEqual([200, 503]);
    server.complete();
    expect([await ask('hello'), await ask('other')]).toEqual([200, 404]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('does not take %s', async (method) => {
    const { url } = await serve({ '/hello': () => plain(200, 'there') });
    const response = await fetch(`${url}hello`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('says that something failed, and not what', async () => {
    const { url } = await serve({
      '/bad': () => {
        throw new Error('secret');
      },
    });
    const response = await fetch(`${url}bad`);
    expect([response.status, await response.text()]).toEqual([500, 'this failed\n']);
  });

  it('holds no more connections than it can, and answers again when they have gone', async () => {
    const { url, port } = await serve({ '/hello': () => plain(200, 'there') });
    const idle = Array.from({ length: 64 }, () => connect(port, '127.0.0.1'));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const refused = connect(port, '127.0.0.1');
    refused.on('error', () => undefined);
    await once(refused, 'close');
    for (const socket of idle) socket.destroy();
    await expect.poll(async () => (await fetch(`${url}hello`).catch(() => null))?.status).toBe(200);
  });

  it('names the address that cannot be had', async () => {
    const { port } = await serve({});
    const second = serveHttp({ host: '127.0.0.1', port, routes: {} });
    await expect(second).rejects.toThrow(`127.0.0.1:${port}`);
    await expect(second).rejects.toBeInstanceOf(LockstepError);
  });
});
