/**
 * Who computes which shard. A shard is always computed as planned; a fault only changes who computes it, and an audit
 * how many do.
 */
import type { Shard } from '@lockstep/data';
import { randomStream } from '@lockstep/data';
import type { CoordinatorAction } from './events.js';
import { wound } from './lateness.js';
import { envelope, report, send } from './sending.js';
import { isComing, roomForShipping } from './shipping.js';
import { readyWorkers, shardsAt, withWorker } from './state.js';
import type { CoordinatorState, OpenShard, ShardAssignment, WorkerRecord } from './state.js';

/** Workers that may be given shards, by slot: those that are about to go only when nobody else is there. */
export function takers(state: CoordinatorState): readonly WorkerRecord[] {
  const ready = readyWorkers(state);
  const staying = ready.filter((worker) => worker.drainingSinceMs === null);
  return staying.length > 0 ? staying : ready;
}

/** Whether a second worker has to confirm this shard of the current step; the same shards in every run of a seed. */
export function isAudited(state: CoordinatorState, shard: number): boolean {
  const { audit, seed } = state.settings;
  if (audit === 0 || takers(state).length < 2) return false;
  return randomStream(seed, 'audit', state.step, shard).uniform() < audit;
}

/** Whether answers of the current step have to name the weights that they were computed from. */
function wantsWeightsDigest(state: CoordinatorState): boolean {
  return state.agreed.has(state.step) || state.commits.get(state.step - 1)?.digest === true;
}

/** Whether answers wait until it is known what weights the current step has. */
export function mustWaitForWeights(state: CoordinatorState): boolean {
  return wantsWeightsDigest(state) && !state.agreed.has(state.step);
}

/** How many more workers have to be asked. One that is behind counts for nobody, though its answer is welcome. */
function missing(state: CoordinatorState, index: number, shard: OpenShard): number {
  const asked = shard.assignments.filter(({ peer }) => state.workers.get(peer)?.status === 'ready');
  if (shard.answers.length > 0 && mustWaitForWeights(state)) return 0;
  if (asked.length === 0) return isAudited(state, index) && shard.answers.length === 0 ? 2 : 1;
  const voices = new Set([...asked, ...shard.answers].map(({ peer }) => peer));
  return isAudited(state, index) && voices.size < 2 ? 1 : 0;
}

/**
 * Gives every shard that nobody works on to a ready worker. At the start of a step these are all shards, dealt in
 * contiguous blocks; later they are the shards of workers that are lost or late, or answers to be confirmed.
 */
export function dealShards(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.phase.name !== 'computing') return state;
  const pool = takers(state);
  const wanting = [...state.phase.open]
    .filter(([index, shard]) => missing(state, index, shard) > 0)
    .sort(([a], [b]) => a - b);
  if (pool.length === 0 || wanting.length === 0) return state;
  const shards = shardsAt(state.plans, state.step);
  const dealt = new Map<number, number[]>();
  let next = state;
  let room = roomForShipping(state);
  wanting.forEach(([index, open], position) => {
    const shard = shards[index];
    const share = position / wanting.length;
    for (let more = missing(state, index, open); shard !== undefined && more > 0; more -= 1) {
      const taker = choose(next, pool, index, share);
      if (taker === undefined) return;
      const ships = room > 0 && !isComing(next, index);
      if (ships) room -= 1;
      next = assign(next, out, taker, { shard, ships }, nowMs);
      dealt.set(taker.slot, [...(dealt.get(taker.slot) ?? []), index]);
    }
  });
  if (dealt.size > 0) report(out, { type: 'assigned', step: state.step, shards: dealt });
  return next;
}

/** The taker at this share of the pool, among those who have answered for the shard least often. */
function choose(
  { phase }: CoordinatorState,
  pool: readonly WorkerRecord[],
  index: number,
  share: number,
): WorkerRecord | undefined {
  const open = phase.name === 'computing' ? phase.open.get(index) : undefined;
  const asked = new Set(open?.assignments.map(({ peer }) => peer));
  const free = pool.filter(({ peer }) => !asked.has(peer));
  const answersOf = (peer: string): number => open?.answers.filter((answer) => answer.peer === peer).length ?? 0;
  const least = Math.min(...free.map(({ peer }) => answersOf(peer)));
  const candidates = free.filter(({ peer }) => answersOf(peer) === least);
  return candidates[Math.floor(share * candidates.length)];
}

function assign(
  state: CoordinatorState,
  out: CoordinatorAction[],
  taker: WorkerRecord,
  { shard, ships }: { readonly shard: Shard; readonly ships: boolean },
  nowMs: number,
): CoordinatorState {
  const { phase, step } = state;
  const { index, rowStart, rowEnd } = shard;
  const open = phase.name === 'computing' ? phase.open.get(index) : undefined;
  if (phase.name !== 'computing' || open === undefined) return state;
  const attempt = open.attempts;
  const rows = rowEnd - rowStart;
  const digest = wantsWeightsDigest(state);
  const about = { step, shard: index, attempt, rows, digest, ship: ships };
  send(out, taker.peer, { type: 'assign', ...envelope(state), ...about }, { kind: 'windows', step, rowStart, rowEnd });
  const given: ShardAssignment = { peer: taker.peer, attempt, sinceMs: nowMs, ships, isExpected: ships };
  const assignments = [...open.assignments, given];
  const shards = new Map(phase.open).set(index, { ...open, attempts: attempt + 1, assignments });
  const current = state.workers.get(taker.peer) ?? taker;
  return withWorker({ ...state, phase: { ...phase, open: shards } }, wound(current, nowMs));
}
