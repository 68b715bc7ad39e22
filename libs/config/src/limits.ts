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
  /** Largest header of a message; the largest one carries the configuration. */
  headerLengthBytes: 1 << 20,
} as const;
