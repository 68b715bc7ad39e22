/**
 * How a process becomes a worker: hello -> welcome, ready -> (replica, synced) -> takes part. One that comes back with
 * weights it was given earlier in the run takes part at once, if they are those of the current step.
 */
import type { Stamp, WorkerMessage } from '../messages.js';
import { PROTOCOL_VERSION } from '../messages.js';
import { acquit, dismiss, removeWorker } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { end, envelope, report, send, sendLast, sendStamped } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';
import { measureTransfer } from './topology.js';
import { standingOf, strike, unstrike } from './strikes.js';

type Message<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

const SAME_VERSION = 'install the same version of lockstep on both machines';

/** The number in the name of a worker of our own, so that logs and restarts agree on it; else the lowest. */
function freeSlot(state: CoordinatorState, { name, supervised }: Message<'hello'>): number {
  const taken = new Set([...state.workers.values()].map((worker) => worker.slot));
  const wanted = supervised ? Number(/-(\d{1,4})$/.exec(name)?.[1] ?? Number.NaN) : Number.NaN;
  if (Number.isInteger(wanted) && !taken.has(wanted)) return wanted;
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}

/** Why a process can be no worker of this run; null when it can. */
function objection({ settings }: CoordinatorState, peer: string, message: Message<'hello'>): [string, string] | null {
  if (message.protocolVersion !== PROTOCOL_VERSION) {
    const what = `worker ${peer} speaks protocol ${message.protocolVersion}, the coordinator ${PROTOCOL_VERSION}`;
    return [what, SAME_VERSION];
  }
  if (message.softwareVersion !== settings.softwareVersion) {
    const what = `worker ${peer} is lockstep ${message.softwareVersion}, the coordinator ${settings.softwareVersion}`;
    return [what, SAME_VERSION];
  }
  if (message.run !== null && message.run !== settings.run) {
    const what = `worker ${peer} belongs to run ${message.run}, this coordinator leads run ${settings.run}`;
    return [what, 'check the address given with --coordinator'];
  }
  return null;
}

/** A worker that has obeyed a later coordinator of this run, or another one of the same term: ours is over. */
function isFenced({ settings }: CoordinatorState, { run, obeyed }: Message<'hello'>): boolean {
  if (obeyed === null || run !== settings.run) return false;
  return obeyed.term > settings.term || (obeyed.term === settings.term && obeyed.incarnation !== settings.incarnation);
}

export function onHello(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  message: Message<'hello'>,
  stamp: Stamp,
  nowMs: number,
): CoordinatorState {
  const { conversation } = stamp;
  const first: Stamp = { conversation, sequence: 0 };
  const odd = objection(state, peer, message);
  if (odd !== null) {
    const [what, hint] = odd;
    sendStamped(out, peer, { type: 'refuse', failure: { kind: 'protocol', what, hint } }, first);
    return state;
  }
  if (isFenced(state, message)) {
    const term = message.obeyed?.term ?? 0;
    const what = `another coordinator leads run ${state.settings.run}: worker ${peer} has obeyed term ${term}`;
    return end(state, out, { kind: 'locked', what, hint: 'stop one of the two' });
  }
  // The connection or the talk broke, the process did not.
  const wasCutOff = state.awaited.has(peer);
  const kept = state.workers.has(peer) ? removeWorker(state, out, peer, 'said hello again') : state;
  const known = acquit(wasCutOff ? unstrike(kept, message.name) : kept, peer);
  const standing = standingOf(known, message.name, message.supervised, nowMs);
  if (standing.kind === 'quarantined') {
    const what = `worker ${message.name} is quarantined: it has failed too often, or computed wrongly`;
    const hint = 'look at its log and at its host';
    sendStamped(out, peer, { type: 'refuse', failure: { kind: 'retry', what, hint } }, first);
    return known;
  }
  if (standing.kind === 'wait') {
    const seconds = standing.ms / 1000;
    const detail = `worker ${message.name} has failed lately; it is let in again in ${seconds.toFixed(1)} seconds`;
    sendStamped(out, peer, { type: 'wait', run: state.settings.run, seconds, detail }, first);
    return known;
  }
  return welcome(known, out, peer, message, conversation, nowMs);
}

function welcome(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  message: Message<'hello'>,
  conversation: number,
  nowMs: number,
): CoordinatorState {
  const { name, supervised, host, pid } = message;
  const slot = freeSlot(state, message);
  const worker: WorkerRecord = {
    peer,
    slot,
    name,
    supervised,
    host,
    pid,
    conversation,
    status: 'preparing',
    received: 1,
    sent: 0,
    computeClass: '',
    endpoint: null,
    sharing: null,
    heardAtMs: nowMs,
    sinceMs: nowMs,
    activity: 'preparing',
    activityStep: state.step,
    activityAtMs: nowMs,
    replica: null,
    records: [],
    lastUpdate: null,
    busySinceMs: null,
    drainingSinceMs: null,
    lateTimes: 0,
    restUntilMs: nowMs,
  };
  // One that has obeyed a coordinator of this run may come with weights: it is awaited until it has said so.
  const awaited = new Map(state.awaited);
  if (message.obeyed !== null && message.run !== null) awaited.set(peer, nowMs);
  const next = withWorker({ ...state, awaited, membership: state.membership + 1 }, worker);
  const { incarnation, config, fingerprint, layoutDigest, topology } = state.settings;
  const about = { incarnation, slot, config, fingerprint, layoutDigest, mesh: topology !== 'star' };
  send(out, peer, { type: 'welcome', ...envelope(next), ...about });
  report(out, { type: 'worker', slot, status: 'preparing', detail: `${name}, pid ${pid} on ${host}` });
  return next;
}

export function onReady(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Message<'ready'>,
  nowMs: number,
): CoordinatorState {
  if (worker.status !== 'preparing') return state;
  const { fingerprint, layoutDigest } = state.settings;
  if (message.fingerprint !== fingerprint || message.layoutDigest !== layoutDigest) {
    const odd = message.fingerprint === fingerprint ? 'layout of the weights' : 'configuration';
    const what = `worker ${worker.slot} (${worker.host}) computes another ${odd}`;
    sendLast(out, worker, { type: 'refuse', failure: { kind: 'protocol', what, hint: SAME_VERSION } });
    return removeWorker(state, out, worker.peer, `computes another ${odd}`);
  }
  warnOfOtherClass(state, out, worker, message.computeClass);
  const awaited = new Map(state.awaited);
  awaited.delete(worker.peer);
  const { computeClass, endpoint, sharing, replica, records, engine, device } = message;
  const about = { computeClass, endpoint, sharing, replica, records };
  const waiting: WorkerRecord = { ...worker, ...about, status: 'waiting', sinceMs: nowMs };
  report(out, { type: 'worker', slot: worker.slot, status: 'waiting', detail: `${engine} on ${device}` });
  return takeUp(withWorker({ ...state, awaited }, waiting), out, waiting, nowMs);
}

function warnOfOtherClass(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  computeClass: string,
): void {
  const other = [...state.workers.values()].find((one) => !['', computeClass].includes(one.computeClass));
  if (other === undefined) return;
  const what =
    `worker ${worker.slot} computes as ${computeClass}, worker ${other.slot} as ${other.computeClass}: ` +
    'results are equal up to rounding, not bit for bit, once shards move between them';
  report(out, { type: 'warning', what });
}

/**
 * A waiting worker whose weights are known to be those of the current step takes part from now on; any other is
 * levelled at the next step boundary.
 */
export function takeUp(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  nowMs: number,
): CoordinatorState {
  const { replica } = worker;
  const { phase } = state;
  const isUnsettled = phase.name === 'recovering' || phase.name === 'reducing' || phase.name === 'exchanging';
  // Others may be about to exchange gradients with all who take part.
  const isOutOfReach = phase.name === 'computing' && phase.mesh && worker.endpoint === null;
  if (
    isUnsettled ||
    isOutOfReach ||
    !mayJoin(worker, nowMs) ||
    replica?.step !== state.step ||
    replica.digest !== state.agreed.get(state.step)
  )
    return state;
  return makeReady(state, out, worker, nowMs);
}

/** Whether a waiting worker is to take part again: not while it goes, nor while it rests from being late. */
export function mayJoin({ status, drainingSinceMs, restUntilMs }: WorkerRecord, nowMs: number): boolean {
  return status === 'waiting' && drainingSinceMs === null && restUntilMs <= nowMs;
}

export function makeReady(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  nowMs: number,
): CoordinatorState {
  report(out, { type: 'worker', slot: worker.slot, status: 'ready', detail: '' });
  return withWorker(state, {
    ...worker,
    status: 'ready',
    sinceMs: nowMs,
    replica: null,
    records: [],
    lastUpdate: null,
    busySinceMs: null,
  });
}

export function onSynced(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Message<'synced'>,
  nowMs: number,
): CoordinatorState {
  if (worker.status !== 'syncing') return state;
  if (message.step === state.replica?.step && message.digest !== state.replica.digest) {
    const what = `worker ${worker.slot} holds other weights than it was sent (digest ${message.digest})`;
    return dismiss(strike(state, worker.name, nowMs), out, worker, 'dropped', what);
  }
  if (message.step === state.step && state.replica?.step === state.step) {
    return makeReady(measureTransfer(state, worker.sinceMs, nowMs), out, worker, nowMs);
  }
  // The run has gone elsewhere meanwhile.
  const { step, digest } = message;
  return withWorker(state, { ...worker, status: 'waiting', sinceMs: nowMs, replica: { step, digest } });
}

/** Sends the held replica to every worker that waits for one, if it is the replica of the current step. */
export function serveReplicas(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { replica, settings } = state;
  if (replica?.step !== state.step) return state;
  let next = state;
  for (const worker of state.workers.values()) {
    if (!mayJoin(worker, nowMs)) continue;
    const taken = takeUp(next, out, worker, nowMs);
    if (taken !== next) {
      next = taken;
      continue;
    }
    for (let part = 0; part < settings.replicaParts; part += 1) {
      const message = { type: 'replica', ...envelope(state), ...replica, part, parts: settings.replicaParts } as const;
      send(out, worker.peer, message, { kind: 'replica', part });
    }
    const syncing = { ...worker, status: 'syncing', sinceMs: nowMs } as const;
    next = withWorker(next, { ...syncing, replica: null, records: [], lastUpdate: null });
  }
  return next;
}
