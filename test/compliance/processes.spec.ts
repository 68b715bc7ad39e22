/** ZeroMQ between processes: they end by themselves, die, stop and go on. The children run the compiled libraries. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bindZeroMQServer, connectZeroMQClient } from '@lockstep/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { Bench, MAX_FRAME_BYTES, messages } from './harness.js';

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url));
/** A child that does not end by itself is told apart from a slow machine by this much. */
const END_MS = 30_000;
/** A port that nobody serves: reserved for a service that no machine runs. */
const NOBODY = 'tcp://127.0.0.1:1';

const bench = new Bench({
  name: 'ZeroMQ between processes',
  reserve: () => Promise.resolve(NOBODY),
  bind: (options) => bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: MAX_FRAME_BYTES, ...options }),
  connect: (options) => connectZeroMQClient({ maxFrameBytes: MAX_FRAME_BYTES, ...options }),
});
const children: ChildProcess[] = [];

interface Child {
  readonly process: ChildProcess;
  /** Exit code and output of a child that ended by itself. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly output: string }>;
}

function start(scene: string, endpoint = ''): Child {
  const child = spawn(process.execPath, [CHILD, scene, endpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<{ code: number | null; signal: string | null; output: string }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`"${scene}" has not ended after ${END_MS} ms`)), END_MS);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output });
    });
  });
  // A child that a test ends, or never waits for, is no unhandled rejection.
  ended.catch(() => undefined);
  return { process: child, ended };
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await bench.end();
});

describe('a process with a ZeroMQ transport', () => {
  it('delivers what it has queued when it closes, and ends by itself', async () => {
    const { server, log } = await bench.server();
    const child = start('send and close', server.endpoint);
    expect(await child.ended).toEqual({ code: 0, signal: null, output: 'over\n' });
    await log.until('50 messages', () => messages(log).length === 50);
    expect(messages(log).map(([first]) => first?.[0])).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('ends by itself when nobody was there to take its message', async () => {
    expect(await start('close unconnected', NOBODY).ended).toEqual({ code: 0, signal: null, output: 'over\n' });
  });

  it('ends by itself with both ends in it', async () => {
    expect(await start('serve and close').ended).toEqual({ code: 0, signal: null, output: 'over\n' });
  });

  it('is not held up by unsent messages when it exits without closing', async () => {
    const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: MAX_FRAME_BYTES });
    const child = start('exit without close', server.endpoint);
    child.process.stdin?.write('go\n');
    expect(await child.ended).toEqual({ code: 7, signal: null, output: '' });
    await server.close(0);
  });

  it('is reported as gone when it is killed, without a send to it', async () => {
    const { server, log } = await bench.server();
    const child = start('stay', server.endpoint);
    await log.until('its greeting', () => messages(log).length === 1);
    child.process.kill('SIGKILL');
    await log.until('gone', (events) => events.some((event) => event.type === 'gone'));
    expect(await child.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  it('is given up while it is stopped, and comes back when it goes on', async () => {
    const { server, log } = await bench.server({ sendQueue: { bytesMax: 4 * 1024 * 1024 } });
    const child = start('stay', server.endpoint);
    await log.until('its greeting', () => messages(log).length === 1);
    child.process.kill('SIGSTOP');
    const peer = log.events[0]?.peer ?? '';
    const payload = new Uint8Array(1024 * 1024);
    while (!log.events.some((event) => event.type === 'gone')) {
      server.send(peer, [payload]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.process.kill('SIGCONT');
    await log.until('its second greeting', () => messages(log).length === 2);
  });
});

describe('the in-memory network', () => {
  it('loads no native module', async () => {
    expect(await start('memory only').ended).toEqual({ code: 0, signal: null, output: 'over\n' });
  });
});
