/**
 * Which gradients come to the coordinator when, in a `star`. With many workers their gradients would all be here at the
 * same time; so only a few may be on their way (the credit), and the rest are held by their workers, who say what they
 * hold and ship it when asked. They are asked for along the tree, from the lowest shard on, so that what is summed so
 * far is a few sums, too. One that is not there yet is passed over as long as gradients on their way and sums here are
 * together at most `credit + log2(shards)`: enough for nearly all others when one is slow. Beyond that only the lowest
 * shard that is missing is let in, one at a time, which always leads to the end.
 *
 * Nothing is lost with a gradient that is not here yet: its shard is opened again when its worker goes or is late.
 */
import { LIMITS } from '@lockstep/config';
import { heldNodes } from '@lockstep/reduce';
import type { WorkerMessage } from '../messages.js';
import { breach } from './conversation.js';
import type { CoordinatorAction } from './events.js';
import { catchUp, rememberAnswer, rewind, wound } from './lateness.js';
import { envelope, reject, send } from './sending.js';
import { readyWorkers, shardsAt, withWorker } from './state.js';
import type { CoordinatorState, OpenShard, Phase, ShardResult, WorkerRecord } from './state.js';

/** A shard may be asked for while another one is on its way, however large they are. */
const CREDIT_MIN = 2;

/** How many gradients of this size may be on their way to the coordinator at a time. */
export function gradientCreditFor(lengthBytes: number): number {
  return Math.max(CREDIT_MIN, Math.floor(LIMITS.gradientsOnTheWayBytes / Math.max(1, lengthBytes)));
}

/** The most gradients, those on their way and sums of some, that a coordinator holds in a step of so many shards. */
export function gradientsHeldMax(credit: number, shards: number): number {
  return credit + 2 * depthOf(shards) + 1;
}

/** Additions between a shard and the whole sum. */
function depthOf(shards: number): number {
  return Math.ceil(Math.log2(shards));
}

type Computing = Extract<Phase, { name: 'computing' }>;

interface Traffic {
  /** Shards whose gradient is on its way here, or here and not in the sum yet. */
  readonly onTheWay: ReadonlySet<number>;
  /** Sums of parts of the tree. */
  readonly sums: number;
  readonly shards: number;
  /** The first shard that is not in a sum. */
  readonly lowest: number;
}

function trafficOf(state: CoordinatorState, { open, results }: Computing): Traffic {
  const shards = shardsAt(state.plans, state.step).length;
  const isCollected = (shard: number): boolean => results.get(shard)?.gradient === 'collected';
  const coming = [...open].filter(([, shard]) => isOnTheWay(shard)).map(([index]) => index);
  const asked = resultsWhose({ results }, 'asked').map(([index]) => index);
  let lowest = 0;
  while (isCollected(lowest)) lowest += 1;
  return { onTheWay: new Set([...coming, ...asked]), sums: heldNodes(shards, isCollected).length, shards, lowest };
}

/** Asked after every event: makes nothing where there is nothing. */
function resultsWhose(
  { results }: Pick<Computing, 'results'>,
  gradient: ShardResult['gradient'],
): (readonly [number, ShardResult])[] {
  const found: (readonly [number, ShardResult])[] = [];
  for (const [shard, result] of results) if (result.gradient === gradient) found.push([shard, result]);
  return found;
}

function isOnTheWay({ assignments, answers }: OpenShard): boolean {
  return assignments.some(({ isExpected }) => isExpected) || answers.some(({ payload }) => payload !== null);
}

function hasRoom(state: CoordinatorState, { onTheWay, sums, shards, lowest }: Traffic, shard: number): boolean {
  const { gradientCredit } = state.settings;
  if (onTheWay.size >= gradientCredit) return false;
  if (onTheWay.size + sums < gradientCredit + depthOf(shards)) return true;
  return onTheWay.size === 0 && shard === lowest;
}

/** Whether the gradient of this shard comes without being asked for, or is here. */
export function isComing({ phase }: CoordinatorState, shard: number): boolean {
  const open = phase.name === 'computing' ? phase.open.get(shard) : undefined;
  return open !== undefined && isOnTheWay(open);
}

/**
 * How many of the shards that are dealt now may have their gradient shipped with the answer. All, where all have room;
 * otherwise one less than the credit: a slow worker must not keep those waiting who are done.
 */
export function roomForShipping(state: CoordinatorState): number {
  const { phase, settings } = state;
  if (phase.name !== 'computing' || phase.mesh) return 0;
  const { onTheWay, sums, shards } = trafficOf(state, phase);
  const { gradientCredit } = settings;
  if (shards <= gradientCredit) return shards - onTheWay.size;
  return Math.min(gradientCredit - 1, gradientCredit + depthOf(shards) - sums) - onTheWay.size;
}

/** Whether a gradient that comes unbidden, from one who was late, may be kept. */
export function mayComeIn(state: CoordinatorState, shard: number): boolean {
  const { phase } = state;
  if (phase.name !== 'computing') return false;
  const traffic = trafficOf(state, phase);
  return traffic.onTheWay.has(shard) || hasRoom(state, traffic, shard);
}

/** Asks for gradients that workers hold, from the lowest shard on, as far as there is room. */
export function askForGradients(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, step } = state;
  if (phase.name !== 'computing' || phase.mesh) return state;
  const held = resultsWhose(phase, 'held').sort(([a], [b]) => a - b);
  if (held.length === 0) return state;
  const traffic = trafficOf(state, phase);
  const onTheWay = new Set(traffic.onTheWay);
  const results = new Map(phase.results);
  let next = state;
  for (const [shard, result] of held) {
    if (!hasRoom(state, { ...traffic, onTheWay }, shard)) break;
    const { peer, attempt } = result;
    send(out, peer, { type: 'ship', ...envelope(state), step, shard, attempt });
    onTheWay.add(shard);
    results.set(shard, { ...result, gradient: 'asked', askedAtMs: nowMs });
    const worker = next.workers.get(peer);
    if (worker !== undefined) next = withWorker(next, wound(worker, nowMs));
  }
  return { ...next, phase: { ...phase, results } };
}

export interface ShippedGradient {
  readonly message: Extract<WorkerMessage, { type: 'shipped' }>;
  readonly payload: Uint8Array;
  readonly digest: string;
  readonly finite: boolean;
}

/** A gradient that was asked for is here. */
export function onShipped(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  { message, payload, digest, finite }: ShippedGradient,
  nowMs: number,
): CoordinatorState {
  const { step, shard, attempt } = message;
  const { peer } = worker;
  // One that was set back owes nothing else that would show that it is there again.
  const heard = catchUp(state, out, worker, { step, digest: null }, nowMs);
  const { phase } = heard;
  const result = phase.name === 'computing' && step === heard.step ? phase.results.get(shard) : undefined;
  const isAsked = result?.gradient === 'asked' && result.peer === peer && result.attempt === attempt;
  if (phase.name !== 'computing' || !isAsked) {
    reject(out, worker, 'late', `nobody waits for the gradient of shard ${shard} of step ${step + 1}`);
    return rewind(heard, peer, nowMs);
  }
  if (digest !== result.digest || !finite) {
    const what = digest === result.digest ? 'not finite' : `${digest}, not ${result.digest}`;
    reject(out, worker, 'damaged', `the gradient of shard ${shard} is ${what}`);
    return breach(heard, out, worker, 'another gradient than it said it holds', nowMs);
  }
  out.push({ type: 'collect', step, shard, payload });
  const results = new Map(phase.results).set(shard, { ...result, gradient: 'collected' });
  const shippingMs = nowMs - Math.max(result.askedAtMs, worker.busySinceMs ?? 0);
  const collected = rememberAnswer({ ...heard, phase: { ...phase, results } }, result.tookMs + shippingMs);
  return rewind(collected, peer, nowMs);
}

/** Shards whose gradient is held by a worker that takes no part any more are open again. */
export function reopenLost(state: CoordinatorState): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'computing') return state;
  const outside = [...resultsWhose(phase, 'held'), ...resultsWhose(phase, 'asked')];
  if (outside.length === 0) return state;
  const members = new Set(readyWorkers(state).map(({ peer }) => peer));
  const lost = outside.filter(([, { peer }]) => !members.has(peer));
  if (lost.length === 0) return state;
  const results = new Map(phase.results);
  const open = new Map(phase.open);
  for (const [index, { attempts }] of lost) {
    results.delete(index);
    open.set(index, { attempts, assignments: [], answers: [] } satisfies OpenShard);
  }
  return { ...state, phase: { ...phase, results, open } };
}
