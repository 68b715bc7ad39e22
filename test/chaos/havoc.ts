/**
 * The faults and when they strike. Every round holds each kind once, in an order drawn from the seed, so that a short
 * run meets them all; whom a fault hits and how long it lasts is drawn too.
 */
import { randomStream } from '@lockstep/data';
import type { RandomStream } from '@lockstep/data';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { signal } from './processes.js';
import type { Training } from './training.js';

export interface Strike {
  readonly kind: string;
  readonly detail: string;
  readonly atMs: number;
}

const COORDINATOR_STOP_MS = 2000;
const PAUSE_MS: readonly [number, number] = [2000, 10_000];
const LOOK_AGAIN_MS = 20;

interface Scene {
  readonly training: Training;
  readonly random: RandomStream;
  readonly guests: ChildProcess[];
  /** Does something later, unless the run ends before. */
  later(afterMs: number, action: () => void): void;
}

/** Does it and says to whom; undefined when there was nobody to do it to. */
type Fault = (scene: Scene) => string | undefined;

const between = (random: RandomStream, [low, high]: readonly [number, number]): number =>
  Math.round(low + random.uniform() * (high - low));

function pick(pids: readonly number[], random: RandomStream): number | undefined {
  return pids[Math.floor(random.uniform() * pids.length)];
}

function signalTo(role: 'worker' | 'coordinator', name: NodeJS.Signals): Fault {
  return ({ training, random }) => {
    const pid = pick(training.pids(role), random);
    return pid !== undefined && signal(pid, name) ? `pid ${pid}` : undefined;
  };
}

function stop(role: 'worker' | 'coordinator', durationMs: readonly [number, number]): Fault {
  return ({ training, random, later }) => {
    const pid = pick(training.pids(role), random);
    const pauseMs = between(random, durationMs);
    if (pid === undefined || !signal(pid, 'SIGSTOP')) return undefined;
    later(pauseMs, () => void signal(pid, 'SIGCONT'));
    return `pid ${pid} for ${pauseMs} ms`;
  };
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'kill worker': signalTo('worker', 'SIGKILL'),
  'kill coordinator': signalTo('coordinator', 'SIGKILL'),
  'stop worker': stop('worker', PAUSE_MS),
  'stop coordinator': stop('coordinator', [COORDINATOR_STOP_MS, COORDINATOR_STOP_MS]),
  'drain worker': signalTo('worker', 'SIGTERM'),
  'reset connection': ({ training }) => {
    const resets = training.proxy.resetAll();
    return resets === 0 ? undefined : `${resets} connection`;
  },
  'dead line': ({ training, random, later }) => {
    if (training.proxy.open.length === 0) return undefined;
    const pauseMs = between(random, PAUSE_MS);
    const direction = (['up', 'down', 'both'] as const)[Math.floor(random.uniform() * 3)] ?? 'both';
    training.proxy.break(direction, { swallow: true });
    later(pauseMs, () => training.proxy.heal());
    return `${direction} for ${pauseMs} ms`;
  },
  'worker joins': ({ training, guests }) => {
    const guest = training.join();
    guests.push(guest);
    return `pid ${guest.pid ?? 0}`;
  },
  'worker leaves': ({ guests }) => {
    const guest = guests.shift();
    return guest?.kill('SIGTERM') === true ? `pid ${guest.pid ?? 0}` : undefined;
  },
};

export const KINDS = Object.keys(FAULTS);

/** Kinds for ever: rounds of all of them, each round shuffled. */
function* rounds(kinds: readonly string[], random: RandomStream): Generator<string, never> {
  for (;;) {
    const left = [...kinds];
    while (left.length > 0) yield* left.splice(Math.floor(random.uniform() * left.length), 1);
  }
}

/** Strikes every so often until the run ends; a kind that finds nobody gives way to the next. */
export async function wreak(
  training: Training,
  { kinds, seed, everySeconds }: { kinds: readonly string[]; seed: number; everySeconds: number },
  tell: (strike: Strike) => void,
): Promise<readonly Strike[]> {
  const random = randomStream(seed, 'chaos');
  const order = rounds(kinds, random);
  const strikes: Strike[] = [];
  const pending: { readonly dueMs: number; readonly action: () => void }[] = [];
  const later = (afterMs: number, action: () => void): void => {
    pending.push({ dueMs: Date.now() + afterMs, action });
  };
  const scene: Scene = { training, random, guests: [], later };
  const everyMs = everySeconds * 1000;
  let nextMs = Date.now() + everyMs;
  while (training.isRunning) {
    const nowMs = Date.now();
    for (const one of pending.filter(({ dueMs }) => dueMs <= nowMs)) {
      pending.splice(pending.indexOf(one), 1);
      one.action();
    }
    if (nowMs >= nextMs) {
      nextMs += everyMs;
      const strike = strikeOne(scene, order, kinds.length);
      if (strike !== undefined) {
        strikes.push(strike);
        tell(strike);
      }
    }
    await delay(LOOK_AGAIN_MS);
  }
  return strikes;
}

function strikeOne(scene: Scene, order: Iterator<string>, attempts: number): Strike | undefined {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const kind = String(order.next().value);
    const atMs = Date.now();
    const detail = FAULTS[kind]?.(scene);
    if (detail !== undefined) return { kind, detail, atMs };
  }
  return undefined;
}
