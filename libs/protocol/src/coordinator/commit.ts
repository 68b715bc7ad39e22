/**
 * A step is committed once every replica that is still a member has applied its update, with equal digests where
 * one was asked for.
 */
import type { WorkerMessage } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { end, report } from './sending.js';
import { readyWorkers } from './state.js';
import type { Commit, CoordinatorState, WorkerRecord } from './state.js';

type Applied = Extract<WorkerMessage, { type: 'applied' }>;

export function onApplied(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Applied,
): CoordinatorState {
  const commit = state.commits.get(message.step);
  if (commit === undefined || !commit.waiting.has(worker.peer)) {
    report(out, { type: 'rejected', slot: worker.slot, reason: 'an update applied that was not sent' });
    return state;
  }
  const waiting = new Set(commit.waiting);
  waiting.delete(worker.peer);
  const digests = new Map(commit.digests);
  if (message.digest !== null) digests.set(`worker ${worker.slot}`, message.digest);
  return { ...state, commits: new Map(state.commits).set(message.step, { ...commit, waiting, digests }) };
}

/** Commits, in step order, what nobody is waited for any more; ends the run when replicas have come apart. */
export function settleCommits(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  // With nobody left who holds the weights, nobody has applied what was not said to be applied.
  if (readyWorkers(state).length === 0) return state;
  let next = state;
  for (const [step, commit] of [...state.commits].sort(([a], [b]) => a - b)) {
    if ([...commit.waiting].some((peer) => next.workers.has(peer))) break;
    const commits = new Map(next.commits);
    commits.delete(step);
    // A step that everybody applied closes the book on what went wrong before it.
    next = { ...next, commits, firstFailure: null };
    if (new Set(commit.digests.values()).size > 1) return end(next, out, comeApart(step, commit));
    const { loss, characters, gradientNorm, seconds } = commit;
    const weightsDigest = [...commit.digests.values()][0] ?? null;
    out.push({ type: 'commit', committed: { step, loss, characters, gradientNorm, seconds, weightsDigest } });
  }
  return next;
}

function comeApart(step: number, commit: Commit): { kind: 'data'; what: string; hint: string } {
  const digests = [...commit.digests].map(([worker, digest]) => `${worker}: ${digest}`).join(', ');
  return {
    kind: 'data',
    what: `the weights of the workers differ after step ${step} (${digests})`,
    hint: 'run the same build of lockstep everywhere and check the memory of the odd machine',
  };
}
