/** Workers whose weights are not those of the run any more, and the whole run going back to weights that are. */
import type { CoordinatorAction } from './events.js';
import { forgetTasks } from './departure.js';
import { report } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';
import { strike } from './strikes.js';

/** No step is this one, so that a checkpoint is due. */
const NO_STEP = -1;

/** What a worker holds is wrong: it is given the weights of the others at the next step boundary. */
export function estrange(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  why: string,
  nowMs: number,
): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) return state;
  const name = `worker ${worker.slot} (pid ${worker.pid} on ${worker.host})`;
  report(out, { type: 'mismatch', kind: 'replica', what: `${name} ${why}: it is given the weights of the others` });
  return withWorker(forgetTasks(strike(state, worker.name, nowMs), peer), emptied(worker, nowMs));
}

/** Nobody can tell whose weights are right, or too many were computed with wrong ones: the last checkpoint is. */
export function rollBack(
  state: CoordinatorState,
  out: CoordinatorAction[],
  why: string,
  nowMs: number,
): CoordinatorState {
  report(out, { type: 'mismatch', kind: 'replica', what: `${why}: the run goes back to its last checkpoint` });
  const workers = [...state.workers].map(([peer, worker]): [string, WorkerRecord] => {
    const holds = worker.status === 'ready' || worker.status === 'behind' || worker.status === 'syncing';
    return [peer, holds || worker.replica !== null ? emptied(worker, nowMs) : worker];
  });
  return {
    ...forgetSnapshot(state),
    workers: new Map(workers),
    awaited: new Map(),
    commits: new Map(),
    phase: { name: 'recovering', sinceMs: nowMs, needed: 1, loading: false },
  };
}

/** The replica that was asked for will not be used; a checkpoint that was to be made of it is still owed. */
export function forgetSnapshot(state: CoordinatorState): CoordinatorState {
  const { snapshot, checkpointedStep } = state;
  return { ...state, snapshot: null, checkpointedStep: snapshot === null ? checkpointedStep : NO_STEP };
}

function emptied(worker: WorkerRecord, nowMs: number): WorkerRecord {
  const isIn = worker.status !== 'preparing';
  return { ...worker, status: isIn ? 'waiting' : worker.status, sinceMs: nowMs, replica: null, busySinceMs: null };
}
