/** How a process becomes a worker: hello -> welcome, ready -> replica, synced -> takes part. */
import type { WorkerMessage } from '../messages.js';
import { PROTOCOL_VERSION } from '../messages.js';
import { removeWorker } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { envelope, refuse, report, send } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

type Message<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

function lowestFreeSlot(state: CoordinatorState): number {
  const taken = new Set([...state.workers.values()].map((worker) => worker.slot));
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}

export function onHello(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  message: Message<'hello'>,
  nowMs: number,
): CoordinatorState {
  const { settings } = state;
  if (message.protocolVersion !== PROTOCOL_VERSION) {
    refuse(out, peer, {
      kind: 'protocol',
      what: `worker ${peer} speaks protocol ${message.protocolVersion}, the coordinator ${PROTOCOL_VERSION}`,
      hint: 'install the same version of lockstep on both machines',
    });
    return state;
  }
  if (message.softwareVersion !== settings.softwareVersion) {
    refuse(out, peer, {
      kind: 'protocol',
      what: `worker ${peer} is lockstep ${message.softwareVersion}, the coordinator ${settings.softwareVersion}`,
      hint: 'install the same version of lockstep on both machines',
    });
    return state;
  }
  if (message.run !== null && message.run !== settings.run) {
    refuse(out, peer, {
      kind: 'protocol',
      what: `worker ${peer} belongs to run ${message.run}, this coordinator leads run ${settings.run}`,
      hint: 'check the address given with --coordinator',
    });
    return state;
  }
  // A hello said twice is a reconnect: the connection broke, the process did not, but what was sent meanwhile is
  // lost.
  const known = state.workers.has(peer) ? removeWorker(state, out, peer, 'said hello again') : state;
  const worker: WorkerRecord = {
    peer,
    slot: lowestFreeSlot(known),
    host: message.host,
    pid: message.pid,
    status: 'preparing',
    computeClass: '',
    heardAtMs: nowMs,
    sinceMs: nowMs,
  };
  const next = withWorker({ ...known, membership: known.membership + 1 }, worker);
  send(out, peer, {
    type: 'welcome',
    ...envelope(next),
    slot: worker.slot,
    config: settings.config,
    fingerprint: settings.fingerprint,
    layoutDigest: settings.layoutDigest,
  });
  report(out, {
    type: 'worker',
    slot: worker.slot,
    status: 'preparing',
    detail: `pid ${message.pid} on ${message.host}`,
  });
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
    refuse(out, worker.peer, {
      kind: 'protocol',
      what: `worker ${worker.slot} (${worker.host}) computes another ${odd}`,
      hint: 'install the same version of lockstep on both machines',
    });
    return removeWorker(state, out, worker.peer, `computes another ${odd}`);
  }
  const other = [...state.workers.values()].find((one) => !['', message.computeClass].includes(one.computeClass));
  if (other !== undefined) {
    const what =
      `worker ${worker.slot} computes as ${message.computeClass}, worker ${other.slot} as ${other.computeClass}: ` +
      'results are equal up to rounding, not bit for bit, once shards move between them';
    report(out, { type: 'warning', what });
  }
  report(out, {
    type: 'worker',
    slot: worker.slot,
    status: 'waiting',
    detail: `${message.engine} on ${message.device}`,
  });
  return withWorker(state, { ...worker, status: 'waiting', computeClass: message.computeClass, sinceMs: nowMs });
}

export function onSynced(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Message<'synced'>,
  nowMs: number,
): CoordinatorState {
  if (worker.status !== 'syncing') return state;
  if (message.step !== state.step || message.digest !== state.replica?.digest) {
    const what = `worker ${worker.slot} holds other weights than it was sent (digest ${message.digest})`;
    refuse(out, worker.peer, { kind: 'protocol', what, hint: 'check the memory and the network of its host' });
    return removeWorker(state, out, worker.peer, 'holds other weights than it was sent');
  }
  report(out, { type: 'worker', slot: worker.slot, status: 'ready', detail: '' });
  return withWorker(state, { ...worker, status: 'ready', sinceMs: nowMs });
}

/** Sends the held replica to every worker that waits for one, if it is the replica of the current step. */
export function serveReplicas(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.replica?.step !== state.step) return state;
  let next = state;
  for (const worker of state.workers.values()) {
    if (worker.status !== 'waiting') continue;
    out.push({ type: 'send-replica', peer: worker.peer, membership: state.membership, step: state.step });
    next = withWorker(next, { ...worker, status: 'syncing', sinceMs: nowMs });
  }
  return next;
}
