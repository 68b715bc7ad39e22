/**
 * What must be true all the time: queues have bounds, nobody chatters without getting anywhere. Cheap enough to be
 * asked after every event.
 */
import { LIMITS } from '@lockstep/config';
import { gradientsHeldMax } from '@lockstep/protocol';
import type { CoordinatorState } from '@lockstep/protocol';
import type { Cluster } from './cluster.js';

/** Messages that the coordinator may send in a second of virtual time, and lines that wait for its disk. */
const EVENTS_PER_SECOND_MAX = 6_000;

/** @returns what to call after each event */
export function watch(cluster: Cluster): () => void {
  let second = 0;
  let turnsBefore = 0;
  return () => {
    const { clock, coordinator } = cluster;
    const state = coordinator?.loop?.state;
    if (state !== undefined && state.commits.size > LIMITS.unjournalledSteps + 1) {
      cluster.violate(`${state.commits.size} steps wait to be committed`);
    }
    if (state !== undefined && coordinator !== undefined && state.durable > coordinator.store.durableSteps) {
      cluster.violate(`step ${state.durable} counts as durable, ${coordinator.store.durableSteps} are on the disk`);
    }
    if (coordinator !== undefined && coordinator.store.longestQueue > LIMITS.unjournalledSteps * 2) {
      cluster.violate(`${coordinator.store.longestQueue} lines wait for the disk`);
    }
    if (state !== undefined) countGradients(cluster, state, coordinator?.loop?.sumsHeld ?? 0);
    if (state !== undefined) excuse(cluster, state);
    const now = Math.floor(clock.now() / 1000);
    if (now === second) return;
    if (clock.turns - turnsBefore > EVENTS_PER_SECOND_MAX * (now - second)) {
      cluster.violate(`${clock.turns - turnsBefore} events in ${now - second} s: somebody chatters`);
    }
    second = now;
    turnsBefore = clock.turns;
  };
}

/** However many workers there are, only so many gradients, and sums of some, are at the coordinator or on their way. */
function countGradients(cluster: Cluster, { phase, settings, plans }: CoordinatorState, sums: number): void {
  if (phase.name !== 'computing' || phase.mesh) return;
  const answers = [...phase.open.values()].flatMap((shard) => shard.answers);
  const kept = answers.filter(({ payload }) => payload !== null).length;
  const asked = [...phase.results.values()].filter(({ gradient }) => gradient === 'asked').length;
  const { gradientCredit } = settings;
  const shards = phase.open.size + phase.results.size;
  if (asked > 0) cluster.tally.count('events while a held gradient was waited for');
  if (kept + asked > gradientCredit) {
    cluster.violate(`${kept} gradients are kept and ${asked} asked for, with a credit of ${gradientCredit}`);
  }
  if (kept + asked + sums > gradientsHeldMax(gradientCredit, shards)) {
    cluster.violate(`${kept + asked} gradients beside ${sums} sums, in ${plans.length} plans, the last of ${shards}`);
  }
}

/** With a single worker left in the step of a wrong answer there is nobody to contradict it. */
function excuse(cluster: Cluster, { step, workers }: CoordinatorState): void {
  const lied = cluster.liedAt();
  if (lied === undefined || step < lied || step > lied + 1) return;
  const ready = [...workers.values()].filter(({ status }) => status === 'ready');
  if (ready.length < 2) cluster.excuse = 'a wrong answer with nobody else there';
}
