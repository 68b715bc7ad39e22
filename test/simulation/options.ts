/**
 * What one seed draws: the size of the cluster, how the run is set up, how bad network, disk and machines are, and
 * which faults come when. Everything else in a simulation follows from these and the seed.
 */
import { randomStream } from '@lockstep/data';
import type { RandomStream } from '@lockstep/data';
import type { MemoryFaults } from '@lockstep/transport/memory';
import type { DiskTimes } from './virtual-disk.js';

export type ComputeTaskType = 'prepare' | 'load' | 'gradient' | 'apply' | 'snapshot' | 'evaluate' | 'sample';

export type Fault =
  | { readonly kind: 'kill worker'; readonly worker: number }
  /** The worker ends when it has begun its n-th task of a type, or n-th after the fault is armed. */
  | {
      readonly kind: 'kill worker in task';
      readonly worker: number;
      readonly task: ComputeTaskType;
      readonly nth: number;
    }
  | { readonly kind: 'kill all workers' }
  | { readonly kind: 'kill coordinator' }
  /** At its n-th action of some kind from now on: in the middle of a list of actions. */
  | { readonly kind: 'kill coordinator at action'; readonly nth: number }
  /** The machine of the coordinator and its disk go dark. */
  | { readonly kind: 'power cut' }
  | { readonly kind: 'pause worker'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'pause coordinator'; readonly forMs: number }
  /** The coordinator is paused, another takes the run over, then it wakes up. */
  | { readonly kind: 'usurp coordinator'; readonly forMs: number }
  | { readonly kind: 'partition'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'clog to server'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'clog to client'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'break connection'; readonly worker: number }
  /** Each task that it begins for a while takes so much longer. */
  | { readonly kind: 'slow worker'; readonly worker: number; readonly delayMs: number; readonly forMs: number }
  /** Its next gradient is not finite. */
  | { readonly kind: 'not a number'; readonly worker: number }
  /** Its next gradient is finite and wrong. */
  | { readonly kind: 'wrong gradient'; readonly worker: number }
  /** A bit of its weights flips. */
  | { readonly kind: 'corrupt weights'; readonly worker: number }
  /** Its engine throws at the next task. */
  | { readonly kind: 'engine fails'; readonly worker: number }
  | { readonly kind: 'disk full'; readonly forMs: number }
  | { readonly kind: 'reshard'; readonly shards: number }
  | { readonly kind: 'drain'; readonly worker: number }
  | { readonly kind: 'leave'; readonly worker: number }
  | { readonly kind: 'join' }
  | { readonly kind: 'stop' };

export type FaultKind = Fault['kind'];
/** Faults by which a worker says or holds what is wrong. */
export type Lie = 'not a number' | 'wrong gradient' | 'corrupt weights';
export type TimedFault = Fault & { readonly atMs: number };

export interface SeedOptions {
  readonly workers: number;
  /** Whether somebody starts them again by themselves. */
  readonly supervised: readonly boolean[];
  readonly batchSize: number;
  readonly shards: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly minWorkers: number;
  readonly digestEvery: number;
  readonly checkpointEvery: { readonly steps: number } | { readonly ms: number } | null;
  readonly audit: number;
  readonly topology: 'star' | 'mesh';
  readonly wire: 'float32' | 'bfloat16';
  /** Gradients on their way to the coordinator at a time. */
  readonly gradientCredit: number;
  readonly evaluationBatches: number;
  readonly samples: boolean;
  /** Of one shard, on a worker that is not slowed down. */
  readonly computeMs: number;
  readonly network: MemoryFaults;
  readonly disk: DiskTimes;
  /** When the faults end and everything is made whole. */
  readonly healMs: number;
  readonly faults: readonly TimedFault[];
}

/** Draws in words. */
class Draw {
  readonly random: RandomStream;

  constructor(random: RandomStream) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability;
  }

  /** Whole, both ends included. */
  whole(least: number, most: number): number {
    return least + this.random.below(most - least + 1);
  }

  between(least: number, most: number): number {
    return least + this.random.uniform() * (most - least);
  }

  /** Mostly small, seldom near the top: as durations of faults are. */
  skewed(least: number, most: number): number {
    return least * (most / least) ** this.random.uniform();
  }

  among<T>(values: readonly T[]): T {
    return values[this.random.below(values.length)];
  }

  /** A share with half of the seeds at none. */
  share(most: number): number {
    return this.chance(0.5) ? 0 : this.random.uniform() * most;
  }
}

const TASKS: readonly ComputeTaskType[] = ['prepare', 'load', 'gradient', 'apply', 'snapshot', 'evaluate', 'sample'];

/** Kinds and how often they are drawn. */
const WEIGHTS: Readonly<Record<Exclude<FaultKind, Lie>, number>> = {
  'kill worker': 6,
  'kill worker in task': 8,
  'kill all workers': 2,
  'kill coordinator': 4,
  'kill coordinator at action': 6,
  'power cut': 3,
  'pause worker': 4,
  'pause coordinator': 2,
  'usurp coordinator': 1,
  partition: 3,
  'clog to server': 2,
  'clog to client': 2,
  'break connection': 4,
  'slow worker': 5,
  'engine fails': 2,
  'disk full': 2,
  reshard: 3,
  drain: 2,
  leave: 2,
  join: 2,
  stop: 1,
};
/** Kinds that leave the workers who know better where they are. */
const BENIGN: readonly FaultKind[] = ['slow worker', 'disk full', 'reshard', 'join', 'drain'];
const LOTS: readonly Exclude<FaultKind, Lie>[] = (Object.keys(WEIGHTS) as Exclude<FaultKind, Lie>[]).flatMap((kind) =>
  Array.from({ length: WEIGHTS[kind] }, () => kind),
);

type Sizes = Pick<SeedOptions, 'workers' | 'batchSize' | 'audit' | 'digestEvery'>;

/** Whether a run of these sizes can find the fault out; what nobody can find out is promised by nobody. */
function isDetectable(kind: Lie, { workers, audit, digestEvery }: Sizes): boolean {
  if (kind === 'wrong gradient') return audit === 1 && workers >= 3;
  if (kind === 'corrupt weights') return digestEvery === 1 && workers >= 3;
  return true;
}

function drawFault(draw: Draw, sizes: Sizes, worker: number): Fault {
  const kind = draw.among(LOTS);
  switch (kind) {
    case 'kill worker in task':
      return { kind, worker, task: draw.among(TASKS), nth: draw.whole(1, 3) };
    case 'kill coordinator at action':
      return { kind, nth: draw.whole(1, 60) };
    case 'pause worker':
      return { kind, worker, forMs: draw.skewed(200, 45_000) };
    case 'pause coordinator':
    case 'usurp coordinator':
      return { kind, forMs: draw.skewed(200, 20_000) };
    case 'partition':
    case 'clog to server':
    case 'clog to client':
      return { kind, worker, forMs: draw.skewed(200, 30_000) };
    case 'slow worker':
      return { kind, worker, delayMs: draw.skewed(300, 6_000), forMs: draw.skewed(500, 10_000) };
    case 'disk full':
      return { kind, forMs: draw.skewed(200, 10_000) };
    case 'reshard':
      return { kind, shards: draw.whole(1, sizes.batchSize) };
    case 'kill all workers':
    case 'kill coordinator':
    case 'power cut':
    case 'join':
    case 'stop':
      return { kind };
    default:
      return { kind, worker };
  }
}

/** Of these only one comes in a seed, or nobody could tell who is right. */
const LIES: readonly Lie[] = ['not a number', 'wrong gradient', 'corrupt weights'];

/** Every kind there is. */
export const FAULT_KINDS: readonly FaultKind[] = [...(Object.keys(WEIGHTS) as FaultKind[]), ...LIES];

function drawFaults(draw: Draw, sizes: Sizes, healMs: number): readonly TimedFault[] {
  const lie = draw.chance(0.3) ? draw.among(LIES.filter((kind) => isDetectable(kind, sizes))) : undefined;
  const count = draw.chance(0.03) ? 0 : draw.chance(0.1) ? draw.whole(12, 30) : draw.whole(1, 12);
  const faults = Array.from({ length: count }, (_, index): TimedFault => {
    const worker = draw.whole(0, sizes.workers - 1);
    const drawn = drawFault(draw, sizes, worker);
    const atMs = draw.between(0, healMs);
    // While there is something to lie about.
    if (lie !== undefined && index === 0) return { kind: lie, worker, atMs: draw.between(0.1, 0.5) * healMs };
    // Nobody is left who could tell a worker with other weights that it is wrong, if the others are lost with them.
    if (lie === 'corrupt weights' && !BENIGN.includes(drawn.kind)) return { kind: 'join', atMs };
    return { ...drawn, atMs };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function drawNetwork(draw: Draw, isBenign: boolean): MemoryFaults {
  const fastest = draw.skewed(0.1, 30);
  const delayMs = [fastest, fastest * draw.between(1, 4)] as const;
  if (draw.chance(0.3)) return { delayMs };
  if (isBenign) return { delayMs, duplicate: draw.share(0.2) };
  // Most seeds lose little, so that runs get anywhere; some lose nearly a third.
  const loss = draw.chance(0.3) ? draw.between(0, 0.3) : draw.share(0.03);
  const rest = { duplicate: draw.share(0.2), reorder: draw.share(0.1), corruption: draw.share(0.03) };
  return { delayMs, loss, ...rest, breakage: draw.share(0.02) };
}

function drawCheckpointEvery(draw: Draw): SeedOptions['checkpointEvery'] {
  const kind = draw.whole(0, 5);
  if (kind === 0) return null;
  return kind === 1 ? { ms: draw.between(1_000, 5_000) } : { steps: draw.whole(1, 8) };
}

/** Rough times of a run without faults: until the first step, and of a step beside its computing. */
const PREPARE_MS = 1_000;
const STEP_MS = 100;
const HEAL_MS_MAX = 20_000;

export function drawOptions(seed: number): SeedOptions {
  const draw = new Draw(randomStream(seed, 'simulation'));
  const workers = draw.whole(1, 5);
  const batchSize = draw.whole(4, 9);
  const digestEvery = draw.among([1, 1, 1, 2, 5]);
  const audit = draw.among([0, 0, 0.3, 1, 1]);
  const sizes = { workers, batchSize, digestEvery, audit };
  const shards = draw.whole(1, batchSize);
  const steps = draw.whole(10, 25);
  const computeMs = draw.skewed(20, 400);
  // Faults come while the run would be going on if there were none, and some after that.
  const expectedMs = PREPARE_MS + steps * (STEP_MS + computeMs * Math.ceil(shards / workers));
  const healMs = Math.min(HEAL_MS_MAX, expectedMs * draw.between(0.6, 1.5));
  const faults = drawFaults(draw, sizes, healMs);
  return {
    ...sizes,
    supervised: Array.from({ length: workers }, () => draw.chance(0.7)),
    shards,
    steps,
    stepsPerEpoch: draw.whole(4, 30),
    minWorkers: draw.whole(1, workers),
    checkpointEvery: drawCheckpointEvery(draw),
    evaluationBatches: draw.among([0, 0, 1, 3]),
    samples: draw.chance(0.3),
    computeMs,
    network: drawNetwork(
      draw,
      faults.some(({ kind }) => kind === 'corrupt weights'),
    ),
    disk: { writeMs: draw.skewed(0.1, 20), flushMs: draw.chance(0.1) ? 2_000 : draw.skewed(0.5, 60) },
    healMs,
    faults,
    topology: draw.among(['star', 'mesh']),
    wire: draw.among(['float32', 'float32', 'bfloat16']),
    gradientCredit: draw.among([1, 2, 3, 100, 100]),
  };
}
