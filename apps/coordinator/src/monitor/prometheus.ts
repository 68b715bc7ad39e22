/** A Prometheus of our own: started, awaited until it answers, ended; it does not outlive us, however we end. */
import { LockstepError } from '@lockstep/config';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { MonitorFiles } from './settings.js';

const HOST = '127.0.0.1';
const USUAL_PORT = 9090;
/** It reads what it has kept before it answers; on a busy machine, that takes its time. */
const READY_DEADLINE_MS = 60_000;
const LOOK_AGAIN_MS = 100;
/** It writes down what it has in memory as it ends. */
const END_DEADLINE_MS = 15_000;
const KEPT_CHARACTERS = 4_096;

const PROGRAM = 'prometheus';
/** Runs a program until it ends or the pipe to us breaks, which also happens when we are killed. */
const KEEPER = '"$@" & program=$!; { read -r _; kill "$program"; } <&3 2>/dev/null & wait "$program"';
/** What a shell says of a program that is not there. */
const NOT_FOUND = 127;

export interface Ended {
  readonly code: number | null;
  /** Its last line. */
  readonly lastWords: string;
}

export class Prometheus {
  readonly url: string;
  /** Fulfilled when the process has ended, for whatever reason. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    let output = '';
    child.stderr?.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-KEPT_CHARACTERS)));
    child.once('exit', () => this.#breakPipe());
    this.ended = new Promise((resolve) => {
      child.once('error', ({ message }) => resolve({ code: null, lastWords: message }));
      child.once('close', (code) => resolve({ code, lastWords: output.trimEnd().split('\n').at(-1) ?? '' }));
    });
  }

  /**
   * Starts one.
   * @param port as the user has given it; undefined: the usual one if it is free
   * @throws LockstepError 'unavailable' when its port is taken
   */
  static async start(files: MonitorFiles, port: number | undefined): Promise<Prometheus> {
    const address = `${HOST}:${await choosePort(port)}`;
    const url = `http://${address}`;
    const args = [
      `--config.file=${files.config}`,
      `--storage.tsdb.path=${files.data}`,
      `--web.listen-address=${address}`,
      // A page of any site that is open in a browser here may not read along.
      `--web.cors.origin=http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?`,
      '--log.level=warn',
    ];
    const child = spawn('/bin/sh', ['-c', KEEPER, PROGRAM, PROGRAM, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in a terminal is for us, and we end it.
      detached: true,
    });
    return new Prometheus(child, url);
  }

  /**
   * Waits until it answers, or until nobody wants it any more.
   * @throws LockstepError 'unavailable' when there is no Prometheus, or it ends or stays silent
   */
  async ready(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + READY_DEADLINE_MS;
    let ended: Ended | undefined;
    void this.ended.then((end) => (ended = end));
    while (!(await this.#answers()) && !signal.aborted) {
      if (ended !== undefined) throw endedUnasked(ended);
      if (performance.now() > deadline) {
        const what = `prometheus has not answered at ${this.url} for ${READY_DEADLINE_MS / 1000} s`;
        throw new LockstepError('unavailable', what, 'see whether this machine is overloaded, and try again');
      }
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** Ends it; it has a while to write down what it has in memory. */
  async stop(): Promise<void> {
    this.#breakPipe();
    const late = setTimeout(() => this.#killAll(), END_DEADLINE_MS);
    await this.ended;
    clearTimeout(late);
  }

  #breakPipe(): void {
    this.#child.stdio[3]?.destroy();
  }

  #killAll(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
  }

  async #answers(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

export function endedUnasked({ code, lastWords }: Ended): LockstepError {
  if (code === NOT_FOUND) {
    const hint = 'install it (Debian and Ubuntu: the package prometheus) or put it on the PATH';
    return new LockstepError('unavailable', `cannot start ${PROGRAM}: there is none on the PATH`, hint);
  }
  const what = `prometheus has ended with exit code ${code ?? 'none'}: ${lastWords}`;
  return new LockstepError('unavailable', what, 'read its words, and try again');
}

async function choosePort(wanted: number | undefined): Promise<number> {
  if (wanted === 0) return (await freePort(0)) ?? 0;
  const port = await freePort(wanted ?? USUAL_PORT);
  if (port !== null) return port;
  if (wanted === undefined) return (await freePort(0)) ?? 0;
  throw new LockstepError(
    'unavailable',
    `port ${wanted} of this machine is taken`,
    'take another --port, or 0 for any',
  );
}

/** The port if nobody listens on it; null if somebody does. */
async function freePort(port: number): Promise<number | null> {
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch {
    return null;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : null;
}
