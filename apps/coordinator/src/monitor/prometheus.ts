/** A Prometheus of our own: started, awaited until it answers, ended. */
import { LockstepError, toLockstepError } from '@lockstep/config';
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
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, lastWords: output.trimEnd().split('\n').at(-1) ?? '' }));
    });
  }

  /**
   * Starts one.
   * @param port as the user has given it; undefined: the usual one if it is free
   * @throws LockstepError 'unavailable' when there is no Prometheus or its port is taken
   */
  static async start(files: MonitorFiles, port: number | undefined): Promise<Prometheus> {
    const address = `${HOST}:${await choosePort(port)}`;
    const url = `http://${address}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${files.config}`,
        `--storage.tsdb.path=${files.data}`,
        `--web.listen-address=${address}`,
        // A page of any site that is open in a browser here may not read along.
        `--web.cors.origin=http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const prometheus = new Prometheus(child, url);
    try {
      // Told here, and not by `ended`: a program that is missing has no exit code.
      await Promise.race([once(child, 'spawn'), prometheus.ended]);
    } catch (cause) {
      const what = `cannot start prometheus: ${toLockstepError(cause).message}`;
      const hint = 'install it (Debian and Ubuntu: the package prometheus) or put it on the PATH';
      throw new LockstepError('unavailable', what, hint, { cause });
    }
    return prometheus;
  }

  /**
   * Waits until it answers, or until nobody wants it any more.
   * @throws LockstepError 'unavailable' when it ends or stays silent
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
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), END_DEADLINE_MS);
    await this.ended;
    clearTimeout(late);
  }

  async #answers(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

export function endedUnasked({ code, lastWords }: Ended): LockstepError {
  const what = `prometheus has ended with exit code ${code ?? 'none'}: ${lastWords}`;
  return new LockstepError('unavailable', what, 'another one may use the same folder or port');
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
