/**
 * How a worker goes: out of the membership, and out of whatever waits for it by name, because the same process may say
 * hello again before anybody has noticed. What follows from it is asked by `advance`, which runs after every event.
 */
import { LIMITS } from '@lockstep/config';
import type { Failure } from '../messages.js';
import type { CoordinatorAction, LostWorker } from './events.js';
import { end, report, sendLast, stampActions } from './sending.js';
import type { CoordinatorState, OpenShard, WorkerRecord } from './state.js';
import { shardsAt } from './state.js';
import { strike } from './strikes.js';

/** Holder of a request whose worker is gone: to be asked of another. */
const NOBODY = '';

/** What a worker said as it failed. */
export type LastWords = Pick<LostWorker, 'said' | 'stack' | 'log'>;
const SILENT: LastWords = { said: null, stack: '', log: [] };

/** Takes a peer out of the membership; unknown peers change nothing. */
export function removeWorker(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  reason: string,
  how: 'left' | LastWords = SILENT,
): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) return state;
  stampActions(out, worker);
  const workers = new Map(state.workers);
  workers.delete(peer);
  const { slot, name, host, pid } = worker;
  const about = { type: 'worker', slot, detail: reason } as const;
  if (how === 'left') report(out, { ...about, status: 'left' });
  else report(out, { ...about, status: 'gone', lost: { peer, name, host, pid, ...how } });
  return { ...forgetTasks(state, peer), workers, membership: state.membership + 1 };
}

/** Nothing waits for this worker any more: not its shards, not its updates, not its snapshot. */
export function forgetTasks(state: CoordinatorState, peer: string): CoordinatorState {
  const next = waitNoMore(state, peer);
  return { ...next, phase: withoutAssignments(next, peer) };
}

/**
 * Its updates are waited for no more, and its snapshot is asked of another. Shards that it has it may still answer, but
 * their gradients count no more among those on their way.
 */
export function waitNoMore(state: CoordinatorState, peer: string): CoordinatorState {
  const commits = new Map(
    [...state.commits].map(([step, commit]) => {
      const waiting = new Set(commit.waiting);
      waiting.delete(peer);
      return [step, { ...commit, waiting }];
    }),
  );
  const snapshot =
    state.snapshot?.peer === peer && state.snapshot.about === null
      ? { ...state.snapshot, peer: NOBODY, parts: [] }
      : state.snapshot;
  return { ...state, commits, snapshot, phase: expectingNothing(state, peer) };
}

function expectingNothing({ phase }: CoordinatorState, peer: string): CoordinatorState['phase'] {
  if (phase.name !== 'computing') return phase;
  const open = new Map(
    [...phase.open].map(([index, shard]): [number, OpenShard] => {
      const assignments = shard.assignments.map((one) => (one.peer === peer ? { ...one, isExpected: false } : one));
      return [index, { ...shard, assignments }];
    }),
  );
  return { ...phase, open };
}

function withoutAssignments({ phase }: CoordinatorState, peer: string): CoordinatorState['phase'] {
  if (phase.name === 'computing') {
    const open = new Map(
      [...phase.open].map(([index, shard]): [number, OpenShard] => [
        index,
        {
          ...shard,
          assignments: shard.assignments.filter((assignment) => assignment.peer !== peer),
          // What it said counts, what it holds is lost, even if it comes back.
          answers: shard.answers.map((answer) => (answer.peer === peer ? { ...answer, isHeld: false } : answer)),
        },
      ]),
    );
    return { ...phase, open };
  }
  if (phase.name !== 'evaluating') return phase;
  const outstanding = new Map([...phase.outstanding].filter(([, assignment]) => assignment.peer !== peer));
  return { ...phase, outstanding };
}

function holdsWeights(worker: WorkerRecord): boolean {
  return worker.status === 'ready' || worker.status === 'behind' || worker.replica !== null;
}

/** Ends the connection of a worker whose process may well live on, and come back with what it holds. */
export function breakOff(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  what: string,
  nowMs: number,
): CoordinatorState {
  out.push({ type: 'drop', peer: worker.peer });
  const removed = removeWorker(state, out, worker.peer, what);
  return holdsWeights(worker) ? { ...removed, awaited: new Map(removed.awaited).set(worker.peer, nowMs) } : removed;
}

/** A sure end: of its process, or as the coordinator has decided. Otherwise the worker may come back. */
export type Certainty = 'ended' | 'cut off';

/** A worker that is lost without having been told to go. */
export function losePeer(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  failure: Failure,
  certainty: Certainty,
  nowMs: number,
): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) {
    const awaited = new Map(state.awaited);
    if (certainty === 'ended') awaited.delete(peer);
    return { ...state, awaited };
  }
  const blamed = blame(state, worker, failure, nowMs);
  if (certainty === 'cut off') return breakOff(blamed, out, worker, failure.what, nowMs);
  return removeWorker(blamed, out, peer, failure.what);
}

/** Remembers that this worker failed, and with what in its hands. */
export function blame(
  state: CoordinatorState,
  worker: WorkerRecord,
  failure: Failure,
  nowMs: number,
): CoordinatorState {
  const known = { ...state, firstFailure: state.firstFailure ?? failure };
  return accuseShard(strike(known, worker.name, nowMs), worker);
}

/** A worker that is told to go, for a reason of its own making. */
export function dismiss(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  reason: 'dropped' | 'quarantined' | 'drained',
  detail: string,
): CoordinatorState {
  sendLast(out, worker, { type: 'stop', run: state.settings.run, reason, detail });
  return removeWorker(state, out, worker.peer, detail, reason === 'drained' ? 'left' : SILENT);
}

/**
 * Remembers which shard a lost worker was computing: it had said that it computes, and tasks are done in the order
 * given, so it was the first that it has not answered. What never reached it is not to blame.
 */
function accuseShard(state: CoordinatorState, worker: WorkerRecord): CoordinatorState {
  const shard = currentShard(state, worker);
  if (shard === null) return state;
  const key = `${state.step}:${shard}`;
  const victims = new Set(state.victims.get(key)).add(worker.peer);
  return { ...state, victims: new Map(state.victims).set(key, victims) };
}

/**
 * A shard that ends one worker after another would end them all, and so ends the run. One that was cut off counts
 * only when it has had its time to come back: no shard is to blame for a network.
 */
export function endPoisoned(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const isLost = (peer: string): boolean => !mayComeBack(state.awaited.get(peer), nowMs);
  for (const [key, peers] of state.victims) {
    const lost = [...peers].filter(isLost).length;
    if (lost < LIMITS.shardVictimsMax) continue;
    const [step = 0, shard = 0] = key.split(':').map(Number);
    const rows = shardsAt(state.plans, step)[shard];
    const where = rows === undefined ? '' : state.settings.describeRows(step, rows.rowStart, rows.rowEnd);
    return end(state, out, {
      kind: 'internal',
      what: `shard ${shard} of step ${step + 1} has ended ${lost} different workers (${where})`,
      hint: 'look at the logs of the workers and at that part of the text; the last checkpoint is sound',
    });
  }
  return state;
}

/** @param sinceMs since when it is awaited; undefined when it is not */
export function mayComeBack(sinceMs: number | undefined, nowMs: number): boolean {
  return sinceMs !== undefined && nowMs - sinceMs < LIMITS.reunionMs;
}

function currentShard({ phase, step }: CoordinatorState, worker: WorkerRecord): number | null {
  const { peer, activity, activityStep, activityAtMs } = worker;
  // A word of an earlier step may come late, when this process was stopped: it says nothing of this one.
  if (phase.name !== 'computing' || activity !== 'computing' || activityStep !== step) return null;
  const own = [...phase.open].flatMap(([index, { assignments }]) =>
    assignments.filter((assignment) => assignment.peer === peer).map(({ sinceMs }) => ({ index, sinceMs })),
  );
  own.sort((a, b) => a.sinceMs - b.sinceMs || a.index - b.index);
  const [first] = own;
  return first !== undefined && first.sinceMs <= activityAtMs ? first.index : null;
}

/** The same process is back: it was not lost after all. */
export function acquit(state: CoordinatorState, peer: string): CoordinatorState {
  const victims = new Map(
    [...state.victims].map(([key, peers]) => [key, new Set([...peers].filter((p) => p !== peer))]),
  );
  const awaited = new Map(state.awaited);
  awaited.delete(peer);
  return { ...state, victims, awaited };
}
