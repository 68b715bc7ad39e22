/**
 * Gradients as they come: is one wanted, was it computed from the right weights, and does it count? Until the weights
 * of the step are agreed on, answers are kept; a gradient from other weights never gets near a sum.
 */
import type { WorkerMessage } from '../messages.js';
import { breach } from './conversation.js';
import { isAudited, mustWaitForWeights } from './dealing.js';
import { dismiss } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { judge } from './judge.js';
import { catchUp, rememberAnswer, rewind } from './lateness.js';
import { estrange } from './replicas.js';
import { endMismatched, reject, report } from './sending.js';
import { mayComeIn } from './shipping.js';
import { shardsAt } from './state.js';
import type { Answer, CoordinatorState, OpenShard, ShardAssignment, ShardResult, WorkerRecord } from './state.js';
import { diverged } from './step.js';
import { quarantine } from './strikes.js';

export interface GradientAnswer {
  readonly message: Extract<WorkerMessage, { type: 'gradient' }>;
  /** Null when the worker holds it. */
  readonly payload: Uint8Array | null;
  readonly digest: string;
  readonly finite: boolean;
}

export function onGradient(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  given: GradientAnswer,
  nowMs: number,
): CoordinatorState {
  const { message } = given;
  const heard = catchUp(state, out, worker, { step: message.step, digest: message.weightsDigest }, nowMs);
  const { phase } = heard;
  if (message.step !== heard.step || phase.name !== 'computing') {
    const isLate = message.step <= heard.step;
    reject(out, worker, isLate ? 'late' : 'other-step', `gradient of step ${message.step + 1}`);
    return rewind(heard, worker.peer, nowMs);
  }
  const open = phase.open.get(message.shard);
  if (open === undefined) return rewind(onLateAnswer(heard, out, worker, given), worker.peer, nowMs);
  const assignment = open.assignments.find(({ peer, attempt }) => peer === worker.peer && attempt === message.attempt);
  if (assignment === undefined) {
    reject(out, worker, 'not-asked-for', `shard ${message.shard}, attempt ${message.attempt}`);
    return heard;
  }
  if ((given.payload !== null) !== assignment.ships) {
    reject(out, worker, 'not-asked-for', `a gradient that is ${assignment.ships ? 'held' : 'shipped'}`);
    return heard;
  }
  const shard = shardsAt(heard.plans, heard.step)[message.shard];
  const expected = shard === undefined ? -1 : (shard.rowEnd - shard.rowStart) * heard.settings.sequenceLength;
  if (message.characters !== expected) {
    reject(out, worker, 'wrong-size', `gradient over ${message.characters} characters, not ${expected}`);
    return breach(heard, out, worker, 'a gradient over another number of characters', nowMs);
  }
  const { step, slot, computeMs } = { ...message, slot: worker.slot };
  report(out, { type: 'answered', step, slot, shard: message.shard, computeMs });
  return keep(heard, worker, open, assignment, given, nowMs);
}

function keep(
  state: CoordinatorState,
  worker: WorkerRecord,
  open: OpenShard,
  assignment: ShardAssignment,
  { message, payload, digest, finite }: GradientAnswer,
  nowMs: number,
): CoordinatorState {
  if (state.phase.name !== 'computing') return state;
  const { lossSum, characters, weightsDigest, attempt, shard } = message;
  const isFinite = finite && Number.isFinite(lossSum);
  const { peer } = worker;
  const hasRoom = (): boolean => assignment.isExpected || mayComeIn(state, shard);
  const isUsed = payload !== null && isFinite && !open.answers.some(isHere) && hasRoom();
  const tookMs = nowMs - Math.max(assignment.sinceMs, worker.busySinceMs ?? 0);
  const answer: Answer = {
    ...{ peer, attempt, lossSum, characters, finite: isFinite, digest, weightsDigest, tookMs },
    payload: isUsed ? payload : null,
    isHeld: isFinite && payload === null && state.workers.get(peer)?.status === 'ready',
  };
  const assignments = open.assignments.filter((one) => one !== assignment);
  // A worker holds what it computed last.
  const before = open.answers.map((one) => (one.peer === peer ? { ...one, isHeld: false } : one));
  const shards = new Map(state.phase.open).set(shard, { ...open, assignments, answers: [...before, answer] });
  const kept: CoordinatorState = { ...state, phase: { ...state.phase, open: shards } };
  // In a star the way of the gradient is a part of what a shard takes.
  const isWhole = payload !== null || state.phase.mesh;
  return rewind(isWhole ? rememberAnswer(kept, tookMs) : kept, peer, nowMs);
}

function isHere({ payload }: Answer): boolean {
  return payload !== null;
}

/** Not needed any more, but not worthless: other bits for the same shard are evidence of a fault. */
function onLateAnswer(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  { message, digest }: GradientAnswer,
): CoordinatorState {
  reject(out, worker, 'late', `shard ${message.shard} has its result`);
  const counted = state.phase.name === 'computing' ? state.phase.results.get(message.shard) : undefined;
  if (counted === undefined || counted.peer === worker.peer || counted.digest === digest) return state;
  const first = state.workers.get(counted.peer);
  const other = first === undefined ? 'one that has gone' : `worker ${first.slot} (${first.host})`;
  const what =
    `worker ${worker.slot} (${worker.host}) and ${other} computed different bits for shard ${message.shard} of ` +
    `step ${message.step + 1}: resume with --audit 1 to learn which of them computes wrongly`;
  report(out, { type: 'mismatch', kind: 'audit', what });
  return state;
}

/** Decides over the answers that can be decided over. */
export function judgeAnswers(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.phase.name !== 'computing') return state;
  // Without the weights of this step being agreed on nothing can be told of what was computed from them.
  if (mustWaitForWeights(state)) return state;
  let next = state;
  for (const index of state.phase.open.keys()) {
    if (next.phase.name === 'computing') next = judgeShard(next, out, index, nowMs);
  }
  return next;
}

function judgeShard(state: CoordinatorState, out: CoordinatorAction[], index: number, nowMs: number): CoordinatorState {
  const sound = dropStrangers(state, out, index, nowMs);
  const open = sound.phase.name === 'computing' ? sound.phase.open.get(index) : undefined;
  if (open === undefined || open.answers.length === 0 || sound.phase.name !== 'computing') return sound;
  // Whoever gave an answer may have gone since: it counts, and contradicts, all the same.
  const verdict = judge(open.answers, isAudited(sound, index));
  switch (verdict.kind) {
    case 'open':
      return sound;
    case 'diverged':
      return diverged(sound, out);
    case 'undecided':
      return endMismatched(sound, out, 'audit', undecided(sound, index, open.answers));
    case 'accepted': {
      const { outvoted } = verdict;
      const answer = withGradient(sound, open.answers, verdict.answer);
      // All that gave these bits have gone with them: somebody is asked once more.
      if (answer === undefined) return sound;
      const { payload } = answer;
      if (payload !== null) out.push({ type: 'collect', step: sound.step, shard: index, payload });
      const shards = new Map(sound.phase.open);
      shards.delete(index);
      const results = new Map(sound.phase.results).set(index, resultOf(answer, open.attempts));
      const accepted: CoordinatorState = { ...sound, phase: { ...sound.phase, open: shards, results } };
      return outvoted.reduce((rest, wrong) => expel(rest, out, wrong, index, open.answers, nowMs), accepted);
    }
  }
}

/** Of the answers with the bits that count one whose gradient is here, or to be had. */
function withGradient(
  { workers }: CoordinatorState,
  answers: readonly Answer[],
  { digest, lossSum }: Answer,
): Answer | undefined {
  const same = answers.filter((answer) => answer.finite && answer.digest === digest && answer.lossSum === lossSum);
  return same.find(isHere) ?? same.find(({ isHeld, peer }) => isHeld && workers.get(peer)?.status === 'ready');
}

function resultOf({ payload, ...answer }: Answer, attempts: number): ShardResult {
  const { peer, attempt, lossSum, characters, digest, weightsDigest, tookMs } = answer;
  const about = { peer, attempt, lossSum, characters, digest, weightsDigest, attempts, tookMs };
  return { ...about, gradient: payload === null ? 'held' : 'collected', askedAtMs: 0 };
}

/** Forgets answers that were computed from other weights than those agreed on, and has their workers levelled anew. */
function dropStrangers(
  state: CoordinatorState,
  out: CoordinatorAction[],
  index: number,
  nowMs: number,
): CoordinatorState {
  const { phase } = state;
  const agreed = state.agreed.get(state.step);
  const open = phase.name === 'computing' ? phase.open.get(index) : undefined;
  if (phase.name !== 'computing' || open === undefined || agreed === undefined) return state;
  const isStranger = ({ weightsDigest }: Answer): boolean => weightsDigest !== null && weightsDigest !== agreed;
  const strangers = open.answers.filter(isStranger);
  if (strangers.length === 0) return state;
  const answers = open.answers.filter((answer) => !isStranger(answer));
  const shards = new Map(phase.open).set(index, { ...open, answers });
  return strangers.reduce<CoordinatorState>(
    (rest, { peer, weightsDigest }) => {
      reject(out, state.workers.get(peer) ?? null, 'other-weights', `digest ${weightsDigest ?? ''}, not ${agreed}`);
      return estrange(
        rest,
        out,
        peer,
        `computed with other weights (digest ${weightsDigest ?? ''}, not ${agreed})`,
        nowMs,
      );
    },
    { ...state, phase: { ...phase, open: shards } },
  );
}

function expel(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  shard: number,
  answers: readonly Answer[],
  nowMs: number,
): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) return state;
  const isNotFinite = answers.some((answer) => answer.peer === peer && !answer.finite);
  const fault = isNotFinite ? 'a gradient that is not finite' : 'other bits than the others';
  const where = `shard ${shard} of step ${state.step + 1}`;
  const detail = `worker ${worker.slot} (${worker.host}) computed ${fault} for ${where}`;
  if (isNotFinite) reject(out, worker, 'not-finite', `shard ${shard}`);
  if (!isNotFinite) report(out, { type: 'mismatch', kind: 'audit', what: detail });
  report(out, { type: 'quarantined', peer, name: worker.name, detail });
  return dismiss(quarantine(state, worker.name, nowMs), out, worker, 'quarantined', detail);
}

function undecided(
  state: CoordinatorState,
  shard: number,
  answers: readonly Answer[],
): { kind: 'data'; what: string; hint: string } {
  const said = answers
    .map(({ peer, digest }) => `worker ${state.workers.get(peer)?.slot ?? '?'}: ${digest}`)
    .join(', ');
  return {
    kind: 'data',
    what: `workers compute other bits for shard ${shard} of step ${state.step + 1}, each time anew (${said})`,
    hint: 'run the same engine build and device everywhere, or leave --audit off',
  };
}
