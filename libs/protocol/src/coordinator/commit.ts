/**
 * A step is committed once every replica that keeps up has applied its update, with equal digests where they were asked
 * for. Then its line goes to the journal; a step that was there already is compared instead.
 */
import type { WorkerMessage } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { weightsDifferFromJournal, withLine } from './history.js';
import { catchUp, rewind } from './lateness.js';
import { estrange, rollBack } from './replicas.js';
import { endMismatched, reject } from './sending.js';
import { readyWorkers } from './state.js';
import type { Commit, CoordinatorState, WorkerRecord } from './state.js';

type Applied = Extract<WorkerMessage, { type: 'applied' }>;

export function onApplied(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Applied,
  nowMs: number,
): CoordinatorState {
  const { step, digest } = message;
  const commit = state.commits.get(step);
  if (commit === undefined || !commit.waiting.has(worker.peer)) {
    if (worker.status !== 'behind') reject(out, worker, 'not-asked-for', `update of step ${step + 1}`);
    return catchUp(state, out, worker, { step: step + 1, digest }, nowMs);
  }
  const waiting = new Set(commit.waiting);
  waiting.delete(worker.peer);
  const digests = new Map(commit.digests);
  if (digest !== null) digests.set(worker.peer, digest);
  const commits = new Map(state.commits).set(step, { ...commit, waiting, digests });
  return rewind({ ...state, commits }, worker.peer, nowMs);
}

/** Steps whose fate is known: applied by all that keep up, to the last one at which digests were compared. */
function settled(state: CoordinatorState): readonly [number, Commit][] {
  const ordered = [...state.commits].sort(([a], [b]) => a - b);
  const firstOpen = ordered.findIndex(([, { waiting }]) => waiting.size > 0);
  const applied = firstOpen < 0 ? ordered : ordered.slice(0, firstOpen);
  const isClosing = state.stopRequested || state.step >= state.settings.totalSteps;
  if (isClosing && firstOpen < 0) return applied;
  return applied.slice(0, applied.findLastIndex(([, { digest }]) => digest) + 1);
}

/** Commits, in step order, what can be. */
export function settleCommits(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  // With nobody left who holds the weights, nobody has applied what was not said to be applied.
  if (readyWorkers(state).length === 0) return state;
  let next = state;
  for (const [step, commit] of settled(state)) {
    if (next.phase.name === 'ended' || !next.commits.has(step)) return next;
    next = commitStep(next, out, step, commit, nowMs);
  }
  return next;
}

function commitStep(
  state: CoordinatorState,
  out: CoordinatorAction[],
  step: number,
  commit: Commit,
  nowMs: number,
): CoordinatorState {
  const compared = compare(state, out, step, commit, nowMs);
  if ('settledAs' in compared) return compared.settledAs;
  const { digest, odd } = compared;
  const commits = new Map(state.commits);
  commits.delete(step);
  // A step that everybody applied closes the book on what went wrong before it.
  const victims = new Map([...state.victims].filter(([key]) => Number(key.split(':')[0]) > step));
  const agreed = digest === null ? state.agreed : agree(state, step + 1, digest);
  let next: CoordinatorState = { ...state, commits, victims, agreed, breaches: new Map(), firstFailure: null };
  const difference = digest === null ? null : weightsDifferFromJournal(next, step, digest);
  if (difference !== null) return endMismatched(next, out, 'replay', difference);
  next = journal(next, out, commit, digest);
  return odd.reduce((rest, [peer, theirs]) => {
    const why = `has other weights after step ${step + 1} than the others (digest ${theirs}, not ${digest ?? ''})`;
    return estrange(rest, out, peer, why, nowMs);
  }, next);
}

/** Hands the line of a step to the journal, unless it is there. */
export function journal(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { record }: { readonly record: Commit['record'] },
  weightsDigest: string | null,
): CoordinatorState {
  if (record.step < state.committed) return state;
  out.push({ type: 'commit', committed: { ...record, term: state.settings.term, weightsDigest } });
  return { ...state, committed: record.step + 1, history: withLine(state, record, weightsDigest) };
}

/** Digests are needed as far back as a snapshot may still be on its way. */
function agree(state: CoordinatorState, step: number, digest: string): ReadonlyMap<number, string> {
  const oldest = Math.min(step - 1, state.snapshot?.step ?? step);
  return new Map([...state.agreed].filter(([known]) => known >= oldest)).set(step, digest);
}

type Compared =
  | { readonly digest: string | null; readonly odd: readonly (readonly [string, string])[] }
  /** The replicas have come apart in a way that is not mended by giving one the weights of the others. */
  | { readonly settledAs: CoordinatorState };

function compare(
  state: CoordinatorState,
  out: CoordinatorAction[],
  step: number,
  { digests }: Commit,
  nowMs: number,
): Compared {
  const counts = new Map<string, number>();
  for (const digest of digests.values()) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  if (most === undefined) return { digest: null, odd: [] };
  const [digest, votes] = most;
  const odd = [...digests].filter(([, theirs]) => theirs !== digest);
  if (odd.length === 0) return { digest, odd };
  const isMajority = votes * 2 > digests.size;
  // Between two comparisons the odd one has computed gradients, too, and all have applied them.
  if (isMajority && state.settings.digestEvery === 1) return { digest, odd };
  const said = [...digests].map(([peer, theirs]) => `worker ${state.workers.get(peer)?.slot ?? '?'}: ${theirs}`);
  const what = `the weights of the workers differ after step ${step + 1} (${said.join(', ')})`;
  const times = (state.ties.get(step) ?? 0) + 1;
  if (times > 1) {
    const hint = 'run the same build of lockstep everywhere and check the memory of the odd machine';
    return { settledAs: endMismatched(state, out, 'replica', { kind: 'data', what, hint }) };
  }
  return { settledAs: rollBack({ ...state, ties: new Map(state.ties).set(step, times) }, out, what, nowMs) };
}
