/**
 * The bound of every wait and queue that belongs to no single library, with the reason for its size. Smaller reacts
 * sooner and gives up on machines that are only busy; larger hides a fault for longer.
 */
export const LIMITS = {
  /**
   * A worker's main thread is free while its engine computes, so silence this long means a dead process, host or
   * link.
   */
  peerSilenceMs: 30_000,
  /** Ticks come several times a second; one that is this late tells that this process was stopped, not its peers. */
  heldUpMs: 5_000,
  /** Well below `peerSilenceMs`, so that several heartbeats may be lost. */
  heartbeatEveryMs: 1_000,
  /**
   * The longest one shard may take before its worker counts as hung: a slow core needs seconds for the largest
   * preset.
   */
  shardDeadlineMs: 600_000,
  /**
   * Loading the largest engine from a cold disk takes tens of seconds; a worker that is not ready after this is
   * given up.
   */
  prepareDeadlineMs: 180_000,
  /** How long a worker looks for its coordinator before it says that nobody is there. */
  connectDeadlineMs: 30_000,
  /** Shipping a replica of the largest models over a slow network, and building a snapshot. */
  transferDeadlineMs: 120_000,
  /** Messages still queued when a run ends get this long to leave. */
  lingerMs: 2_000,
  /** After being told to stop, a local worker gets this long before it is killed. */
  workerExitDeadlineMs: 5_000,
  /**
   * Batches of a validation pass that one worker holds at a time: enough to keep it busy, few enough to bound its
   * queue.
   */
  evaluationsPerWorker: 2,
  /**
   * Steps that may be ahead of the journal while its disk is slow; then the step loop waits. Every worker keeps the
   * records of that many, and a line is a few hundred bytes.
   */
  unjournalledSteps: 64,
  /**
   * Gradients that may be on their way to the coordinator at a time, in bytes, but at least two: enough that the wire
   * is never idle while one of them is added to the sum, few enough that its memory does not grow with the workers.
   */
  gradientsOnTheWayBytes: 48 * 1024 * 1024,
  /** A replica travels in parts of this size, so that heartbeats fit in between on a slow link. */
  replicaPartBytes: 4 * 1024 * 1024,
  /**
   * A worker is late when it works longer than this many times the median time of a shard: rare on a busy machine,
   * soon enough that a step stalls little.
   */
  lateFactor: 4,
  /** Below this nothing is late: a pause of the collector or of the scheduler is no fault. */
  lateFloorMs: 1_000,
  /** Being late again within this time after coming back counts as late in a row. */
  lateMemoryMs: 60_000,
  /** How long a worker that is late in a row is left out: the first time, doubling to the last. */
  restMsMin: 1_000,
  restMsMax: 60_000,
  /** Answers from which the median is taken, and how many it needs: the first ones warm the engine up. */
  medianWindow: 64,
  medianAnswersMin: 6,
  /** After a worker was told to go it may finish its shards for this long. */
  drainMs: 15_000,
  /** How long a hello may stay unanswered before it is said again. */
  helloEveryMs: 5_000,
  /**
   * With nobody left who holds the weights, those whose connection broke get this long to come back before the run goes
   * back to its last checkpoint. Longer than the pauses of a worker that looks for its coordinator are at first.
   */
  reunionMs: 15_000,
  /** How long a worker looks for a coordinator that has gone, with pauses of up to 32 seconds. */
  coordinatorAwayMs: 180_000,
  /** A worker that waits for pieces of others says so when none has come for this long, and as often. */
  exchangeQuietMs: 1_000,
  /** What a worker said of waiting counts for this long: news come at least every `exchangeQuietMs`. */
  exchangeNewsMs: 3_000,
  /** Pieces of an exchange that a worker has not been told of yet: those of the largest gradient. */
  earlyPiecesBytes: 2 ** 30,
  /** After something got lost between two workers: time for the loss of one of them to become known first. */
  exchangeGraceMs: 500,
  /** An exchange in which nothing moves for this long, though all live, is begun anew. */
  exchangePatienceMs: 10_000,
  /** Exchanges of one step that may come to nothing before gradients are shipped to the coordinator instead. */
  exchangeFailuresMax: 4,
  /** Failures of one worker within this time are counted together. */
  strikeMemoryMs: 600_000,
  /** After this many it is not admitted again. */
  strikesMax: 5,
  /** Pause before a worker that failed is admitted again: the first, doubling to the last. */
  strikePauseMsMin: 1_000,
  strikePauseMsMax: 32_000,
  /** Different workers that may be lost while they compute one shard before the shard itself is to blame. */
  shardVictimsMax: 3,
  /** Answers to one shard that disagree before nobody can say which is right. */
  answersPerShardMax: 5,
  /** Messages out of place from one peer before it is dropped. */
  breachesMax: 10,
  /** How long a command to a running run (scale, drain, reshard) may take: a step of the largest model, twice. */
  commandDeadlineMs: 60_000,
  /** Largest header of a message; the largest one carries the configuration. */
  headerLengthBytes: 1 << 22,
} as const;
