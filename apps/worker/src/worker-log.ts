/** What a worker says of itself, wherever that goes: the command decides. Nothing here may throw or wait. */
export interface WorkerLog {
  note(what: string): void;
  /** Whether `detail` is of use; ask before making up what it says. */
  readonly isDetailed: boolean;
  /** Of one step, once or more often in each. */
  detail(what: string, about: LogPlace): void;
  /** Something failed that ends this worker. */
  failure(thrown: unknown, about: LogPlace): void;
  /** The newest lines, for the coordinator when this worker fails. */
  lastLines(): readonly string[];
}

/** Steps count from 0 here, as in the protocol. */
export interface LogPlace {
  readonly step?: number | undefined;
  readonly shard?: number | undefined;
}
