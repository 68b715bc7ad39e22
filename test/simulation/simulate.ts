/**
 * Plays one seed: faults for a while, then everything is made whole, and then the run has to end within a bound, with
 * the journal and the weights of a run without faults.
 */
import { LIMITS, LockstepError } from '@lockstep/config';
import { digestOf } from '@lockstep/reduce';
import { viewAsBytes } from '@lockstep/runtime';
import { Cluster } from './cluster.js';
import { heal, inject } from './inject.js';
import { drawOptions } from './options.js';
import type { SeedOptions } from './options.js';
import type { Tally } from './tally.js';
import { settle } from './virtual-clock.js';
import { watch } from './watch.js';

/** Parts of a replica small enough that even the toy's travels in three. */
const limits: Record<keyof typeof LIMITS, number> = LIMITS;
limits.replicaPartBytes = 20;
/** Few enough steps ahead of the journal that a slow disk holds a run of 25 steps up. */
limits.unjournalledSteps = 8;

/** From the end of the faults on: longer than every pause, deadline and silence that may follow one another. */
const CONVERGENCE_MS = 240_000;
/** Many times what any seed has taken. */
const EVENTS_MAX = 400_000;

export interface SeedResult {
  readonly seed: number;
  readonly options: SeedOptions;
  /** Nothing when all went well. */
  readonly violations: readonly string[];
  /** How the run ended, in a word. */
  readonly end: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly tally: Tally;
  readonly trace: readonly string[];
}

export interface SimulateOptions {
  readonly isTraced?: boolean;
  readonly linesKept?: number;
}

export async function simulate(
  seed: number,
  { isTraced = false, linesKept = 60 }: SimulateOptions = {},
): Promise<SeedResult> {
  const options = drawOptions(seed);
  const cluster = new Cluster(seed, options, digestOf, isTraced);
  try {
    await play(cluster, options);
    await check(cluster, options);
  } catch (error) {
    cluster.violate(`the simulation threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    cluster.journal.remove();
  }
  if (cluster.excuse !== undefined) cluster.violations.length = 0;
  const { violations, clock, tally, network, disk, trace } = cluster;
  for (const [kind, times] of Object.entries(network.counts)) tally.count(`message ${kind}`, times);
  tally.count('write torn', disk.counts.torn);
  tally.count('write refused', disk.counts.refused);
  return {
    ...{ seed, options, violations, tally, events: clock.turns, virtualMs: clock.now() },
    end: endOf(cluster),
    trace: trace?.last(linesKept) ?? [],
  };
}

async function play(cluster: Cluster, options: SeedOptions): Promise<void> {
  const { clock, outside } = cluster;
  cluster.start();
  for (const fault of options.faults) clock.after(fault.atMs, () => inject(cluster, fault));
  clock.after(options.healMs, () => heal(cluster));
  const look = watch(cluster);
  const deadlineMs = options.healMs + CONVERGENCE_MS;
  while (cluster.outcome === undefined && cluster.violations.length === 0) {
    if (clock.now() > deadlineMs || clock.turns > EVENTS_MAX) {
      cluster.violate(`no end after ${clock.turns} events: ${describe(cluster)}`);
      return;
    }
    if (!clock.turn()) {
      cluster.violate(`nothing is left to happen: ${describe(cluster)}`);
      return;
    }
    await settle();
    while (!outside.isIdle) {
      await outside.done();
      await settle();
    }
    look();
  }
}

function describe({ coordinator, places }: Cluster): string {
  const state = coordinator?.loop?.state;
  const workers = [...(state?.workers.values() ?? [])].map(({ peer, status }) => `${peer} ${status}`).join(', ');
  const alive = places.flatMap(({ life }) => (life === undefined ? [] : [life.peer])).join(', ');
  return `${state?.phase.name ?? 'no coordinator'} at step ${state?.step ?? '?'}; members ${workers}; alive ${alive}`;
}

/** What must be true of a run that has ended. */
async function check(cluster: Cluster, options: SeedOptions): Promise<void> {
  const { outcome, reference, journal } = cluster;
  if (outcome === undefined || cluster.violations.length > 0) return;
  if (outcome instanceof LockstepError) {
    cluster.violate(`the coordinator threw ${outcome.kind}: ${outcome.message}\n${outcome.stack ?? ''}`);
    return;
  }
  const { steps } = await journal.read();
  for (const { step, loss, shardDigests, weightsDigest } of steps) {
    const right = reference.after(step);
    if (shardDigests.join() !== right.shardDigests.join())
      cluster.violate(`the journal has other shards at step ${step}`);
    if (loss !== right.loss) cluster.violate(`the journal has loss ${loss} at step ${step}, not ${right.loss}`);
    if (weightsDigest !== undefined && weightsDigest !== right.weightsDigest) {
      cluster.violate(`the journal has weights ${weightsDigest} at step ${step}, not ${right.weightsDigest}`);
    }
  }
  if (outcome.result === 'failed') {
    const justification = cluster.justify(outcome.failure);
    if (justification === null) cluster.violate(`the run failed: ${outcome.failure.kind}: ${outcome.failure.what}`);
    return;
  }
  if (steps.length !== options.steps) cluster.violate(`the journal has ${steps.length} steps of ${options.steps}`);
  const last = cluster.newestCheckpoint();
  if (last?.step !== options.steps) cluster.violate(`the last checkpoint is of step ${last?.step ?? 'none'}`);
  const digest = digestOf;
  const same = last?.vectors.every(
    (vector, index) => digest(viewAsBytes(vector)) === digest(viewAsBytes(reference.after(last.step).vectors[index])),
  );
  if (same !== true) cluster.violate('the last checkpoint is not as without faults');
}

function endOf({ outcome, violations, excuse }: Cluster): string {
  if (violations.length > 0) return 'wrong';
  if (excuse !== undefined) return excuse;
  if (outcome === undefined || outcome instanceof LockstepError) return 'error';
  return outcome.result === 'failed' ? `failed as it had to: ${outcome.failure.kind}` : outcome.result;
}
