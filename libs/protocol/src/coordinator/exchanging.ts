/**
 * Summing the gradients of a step among the workers (topology `mesh`). Every shard's gradient is held by the worker
 * whose answer counts; told who holds what, each worker sums one slice of the vector and gives it to the others. The
 * coordinator only waits until all have the whole mean. Nothing is applied before that, so whatever goes wrong is
 * mended by beginning the exchange anew, with the shards of those who are lost computed by others; and where workers
 * that live cannot reach each other, the gradients are shipped to the coordinator as in a `star`.
 */
import { LIMITS } from '@lockstep/config';
import { clipScale, normOf } from '@lockstep/reduce';
import type { WorkerMessage } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { catchUp, setBack } from './lateness.js';
import { envelope, reject, report, send } from './sending.js';
import { readyWorkers, shardsAt } from './state.js';
import type { CoordinatorState, Phase, WorkerRecord } from './state.js';
import { meanLoss, sendUpdates } from './step.js';

type Exchanging = Extract<Phase, { name: 'exchanging' }>;
type Said<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

/** Tells all who hold weights to sum; every shard has its result, held by one of them. */
export function beginExchange(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, step } = state;
  if (phase.name !== 'computing') return state;
  const members = readyWorkers(state).map(({ peer, endpoint, sharing }) => {
    return { peer, endpoint: endpoint ?? '', sharing: state.isSharing ? sharing : null };
  });
  const places = new Map(members.map(({ peer }, place) => [peer, place]));
  const shards = shardsAt(state.plans, step);
  const holders = shards.map(({ index }) => places.get(phase.results.get(index)?.peer ?? '') ?? 0);
  const { characters } = meanLoss(phase.results);
  const exchange = state.exchanges;
  const { gradientLength: length, wire } = state.settings;
  const plan = { members, holders, length, wire, characters };
  const message = { type: 'exchange', ...envelope(state), step, exchange, ...plan } as const;
  for (const { peer } of members) send(out, peer, message);
  const { results, sinceMs, failures } = phase;
  const begun = { name: 'exchanging', exchange, results, sinceMs, failures, begunMs: nowMs } as const;
  return {
    ...state,
    exchanges: exchange + 1,
    phase: { ...begun, members: members.map(({ peer }) => peer), done: new Map(), waits: new Map(), brokenAtMs: null },
  };
}

/** A worker holds the mean; or says what hinders it. */
export function onExchangeNews(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Said<'exchanged' | 'exchange-broken' | 'exchange-waits'>,
  nowMs: number,
): CoordinatorState {
  const { phase } = state;
  const { peer, slot } = worker;
  if (phase.name !== 'exchanging' || phase.exchange !== message.exchange || !phase.members.includes(peer)) {
    reject(out, { slot }, 'late', `exchange ${message.exchange} of step ${message.step + 1} is over`);
    // One that was set back for its silence owes nothing else that would show that it is there again.
    return catchUp(state, out, worker, { step: message.step, digest: null }, nowMs);
  }
  switch (message.type) {
    case 'exchanged':
      return { ...state, phase: { ...phase, done: new Map(phase.done).set(peer, message.squares) } };
    case 'exchange-broken': {
      const what = `worker ${slot} and ${nameOf(state, message.peer)} lost each other while they exchanged gradients`;
      reject(out, { slot }, 'exchange-broken', `${what}: ${message.reason}`);
      return { ...state, phase: { ...phase, brokenAtMs: phase.brokenAtMs ?? nowMs } };
    }
    case 'exchange-waits': {
      const before = phase.waits.get(peer);
      const isSame = before !== undefined && nowMs - before.atMs <= LIMITS.exchangeNewsMs;
      const wait = { missing: message.missing, sinceMs: isSame ? before.sinceMs : nowMs, atMs: nowMs };
      return { ...state, phase: { ...phase, waits: new Map(phase.waits).set(peer, wait) } };
    }
  }
}

function nameOf(state: CoordinatorState, peer: string): string {
  const worker = state.workers.get(peer);
  return worker === undefined ? 'one that has gone' : `worker ${worker.slot} (${worker.host})`;
}

/** Ends the exchange when all have the mean, and mends what hinders it. */
export function continueExchange(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'exchanging') return state;
  const ready = new Set(readyWorkers(state).map(({ peer }) => peer));
  // Whoever is gone takes its gradients and its slice along.
  if (phase.members.some((peer) => !ready.has(peer))) return backToComputing(state, phase);
  if (phase.done.size === phase.members.length) return conclude(state, out, phase, nowMs);
  const freed = setBackSilent(state, out, phase, nowMs);
  if (freed !== state) return backToComputing(freed, phase);
  return isStuck(phase, nowMs) ? beginAgain(state, out, phase) : state;
}

function backToComputing(state: CoordinatorState, phase: Exchanging): CoordinatorState {
  const { results, sinceMs, failures } = phase;
  return { ...state, phase: { name: 'computing', mesh: true, open: new Map(), results, sinceMs, failures } };
}

function conclude(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { members, done, results, sinceMs, exchange }: Exchanging,
  nowMs: number,
): CoordinatorState {
  const norm = normOf(Float64Array.from(members.flatMap((peer) => [...(done.get(peer) ?? [])])));
  const scale = clipScale(norm, state.settings.clipNorm ?? undefined);
  const ordered = [...results.entries()].sort(([a], [b]) => a - b);
  const shardDigests = ordered.map(([, { digest }]) => digest);
  const reduced = { ...meanLoss(results), shardDigests, sinceMs, norm, finite: Number.isFinite(norm) };
  return sendUpdates(state, out, { ...reduced, exchange, scale }, nowMs);
}

/** One that others wait for and that says nothing either is stopped or cut off: the others go on without it. */
function setBackSilent(
  state: CoordinatorState,
  out: CoordinatorAction[],
  phase: Exchanging,
  nowMs: number,
): CoordinatorState {
  const awaited = new Set([...phase.waits.values()].flatMap(({ missing }) => missing));
  const silent = readyWorkers(state).find(
    ({ peer, heardAtMs }) => awaited.has(peer) && nowMs - heardAtMs > 2 * LIMITS.heartbeatEveryMs,
  );
  if (silent === undefined) return state;
  const { slot, name, host } = silent;
  const waitedMs = nowMs - phase.begunMs;
  report(out, { type: 'late', slot, name, host, step: state.step, activity: 'silent', waitedMs, medians: 0 });
  return setBack(state, silent, nowMs);
}

/** Something got lost a moment ago, which does not come again; or all live, and nothing moves. */
function isStuck({ brokenAtMs, waits }: Exchanging, nowMs: number): boolean {
  if (brokenAtMs !== null && nowMs - brokenAtMs >= LIMITS.exchangeGraceMs) return true;
  return [...waits.values()].some(
    ({ sinceMs, atMs }) => nowMs - atMs <= LIMITS.exchangeNewsMs && nowMs - sinceMs >= LIMITS.exchangePatienceMs,
  );
}

function beginAgain(state: CoordinatorState, out: CoordinatorAction[], phase: Exchanging): CoordinatorState {
  const failures = phase.failures + 1;
  // Of all the ways between them, memory is the one that can be done without.
  const next: CoordinatorState = { ...state, isSharing: false };
  if (failures < LIMITS.exchangeFailuresMax) return backToComputing(next, { ...phase, failures });
  const what =
    `workers could not exchange the gradients of step ${state.step + 1} in ${failures} attempts: ` +
    'from now on they ship them to the coordinator (topology star)';
  report(out, { type: 'warning', what });
  return { ...next, isMeshGivenUp: true, phase: { name: 'boundary' } };
}
