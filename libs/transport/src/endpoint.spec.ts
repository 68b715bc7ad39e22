import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { bindable, connectable, formatEndpoint, needsIpv6, parseEndpoint } from './endpoint.js';

describe('parseEndpoint', () => {
  it.each([
    ['tcp://127.0.0.1:5555', { scheme: 'tcp', host: '127.0.0.1', port: 5555 }],
    ['tcp://coordinator-0.training:1', { scheme: 'tcp', host: 'coordinator-0.training', port: 1 }],
    ['tcp://*:65535', { scheme: 'tcp', host: '*', port: 65_535 }],
    ['tcp://eth0:*', { scheme: 'tcp', host: 'eth0', port: 0 }],
    ['tcp://[::1]:0', { scheme: 'tcp', host: '::1', port: 0 }],
    ['tcp://[fe80::1%eth0]:80', { scheme: 'tcp', host: 'fe80::1%eth0', port: 80 }],
    ['ipc:///run/lockstep/run.sock', { scheme: 'ipc', path: '/run/lockstep/run.sock' }],
    ['ipc://relative.sock', { scheme: 'ipc', path: 'relative.sock' }],
  ])('reads %s', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
  });

  it.each([
    ...['', 'tcp://', '127.0.0.1:5555', 'tcp://127.0.0.1', 'tcp://127.0.0.1:', 'tcp://:5555', 'tcp://a:65536'],
    ...['tcp://a:-1', 'tcp://a:5x', 'tcp://a b:5', 'tcp://::1:5', 'tcp://[::1:5', 'tcp://a:5/', 'tcp://a;b:5'],
    ...['udp://a:5', 'http://a:5', 'inproc://a', 'ipc://', ' tcp://a:5', 'tcp://a:5\n', `ipc:///${'x'.repeat(107)}`],
  ])('refuses %j as a mistake of the user', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ name: 'LockstepError', kind: 'usage' }));
  });

  it.each(['tcp://127.0.0.1:5555', 'tcp://[::1]:5', 'tcp://host:*', 'ipc:///run/a.sock'])(
    'is undone by format: %s',
    (text) => {
      expect(formatEndpoint(parseEndpoint(text))).toBe(text);
    },
  );
});

describe('needsIpv6', () => {
  it('is so for IPv6 addresses alone', () => {
    const texts = ['tcp://[::1]:5', 'tcp://127.0.0.1:5', 'tcp://host:5', 'ipc://a:b'];
    expect(texts.map((text) => needsIpv6(parseEndpoint(text)))).toEqual([true, false, false, false]);
  });
});

describe('bindable', () => {
  it('looks host names up and leaves addresses, wildcards and interfaces alone', async () => {
    const [name] = Object.keys(networkInterfaces());
    const texts = ['tcp://127.0.0.1:5', 'tcp://*:5', 'tcp://[::]:5', `tcp://${name ?? '*'}:5`, 'ipc:///nowhere/a.sock'];
    for (const text of texts) expect(formatEndpoint(await bindable(parseEndpoint(text)))).toBe(text);
    const local = formatEndpoint(await bindable(parseEndpoint('tcp://localhost:5')));
    expect(local).toMatch(/^tcp:\/\/(127\.0\.0\.1|\[::1\]):5$/);
  });

  it('says that a name has no address', async () => {
    // The top level domain is reserved to have none.
    await expect(bindable(parseEndpoint('tcp://coordinator.invalid:5'))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('connectable', () => {
  it('replaces a wildcard by an address that can be connected to', () => {
    expect(formatEndpoint(connectable(parseEndpoint('tcp://0.0.0.0:5')))).toMatch(/^tcp:\/\/(?!0\.0\.0\.0)[\d.]+:5$/);
    expect(formatEndpoint(connectable(parseEndpoint('tcp://[::]:5')))).not.toContain('[::]');
    expect(formatEndpoint(connectable(parseEndpoint('tcp://10.0.0.1:5')))).toBe('tcp://10.0.0.1:5');
    expect(formatEndpoint(connectable(parseEndpoint('ipc://a.sock')))).toBe('ipc://a.sock');
  });
});
