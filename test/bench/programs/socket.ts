/**
 * The bytes of an all-reduce by star over plain TCP sockets, without sums, messages or checks: every one of `workers`
 * processes sends a gradient's bytes to this one and gets as many back. What the loopback costs by itself.
 */
import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { bytesOf } from '@lockstep/reduce';
import { readyMade } from '../star-job.js';
import type { StarJob } from '../star-job.js';
import { serve } from './serve.js';

const WARM_UP = 3;
const GO = Uint8Array.of(1);

const job = JSON.parse(process.argv[2] ?? '{}') as StarJob;
if (job.role === 'worker') runWorker(job);
else await coordinate(job);

/** Sends its bytes for one byte, and one byte for those that come back. */
function runWorker({ endpoint, values }: StarJob): void {
  const socket = connect(Number(endpoint), '127.0.0.1');
  const bytes = bytesOf(readyMade(0, values));
  const expected = bytes.length;
  let received = -1;
  socket.on('data', (data) => {
    received += data.length;
    if (received === 0) socket.write(bytes);
    if (received < expected) return;
    received = -1;
    socket.write(GO);
  });
  socket.on('close', () => process.exit());
}

async function coordinate({ workers, values, repeats }: StarJob): Promise<void> {
  const bytes = bytesOf(readyMade(0, values));
  const sockets: Socket[] = [];
  let waiting = 0;
  let done = (): void => undefined;
  const arrived = (): void => {
    waiting -= 1;
    if (waiting === 0) done();
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    // One gradient, then the byte that says that the answer has come.
    let isAnswer = false;
    let expected = bytes.length;
    let received = 0;
    socket.on('data', (data) => {
      received += data.length;
      if (received < expected) return;
      received = 0;
      if (!isAnswer) socket.write(bytes);
      isAnswer = !isAnswer;
      expected = isAnswer ? 1 : bytes.length;
      if (!isAnswer) arrived();
    });
    if (sockets.length === workers) done();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const isThere = new Promise<void>((resolve) => (done = resolve));
  const own: StarJob = { role: 'worker', workers, values, repeats, endpoint: String(port), worker: 0 };
  const children = Array.from({ length: workers }, () =>
    spawn(process.execPath, [process.argv[1] ?? '', JSON.stringify(own)], { stdio: ['pipe', 'ignore', 'inherit'] }),
  );
  process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
  await isThere;
  const measure = async (): Promise<number> => {
    const startMs = performance.now();
    for (let count = 0; count < repeats; count += 1) {
      waiting = workers;
      const isDone = new Promise<void>((resolve) => (done = resolve));
      for (const socket of sockets) socket.write(GO);
      await isDone;
    }
    return (performance.now() - startMs) / repeats;
  };
  for (let count = 0; count < WARM_UP; count += 1) await measure();
  serve({ version: `TCP, Node ${process.version}`, losses: [], facts: {} }, measure);
}
