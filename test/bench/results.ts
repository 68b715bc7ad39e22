/** What a benchmark leaves behind, as JSON: raw values of every round, from which everything else is computed. */

/** One contestant in one case. */
export interface Row {
  readonly contestant: string;
  readonly version: string;
  /** One value a round, in the unit of the case; empty when it could not take part. */
  readonly values: readonly number[];
  /** Why it could not take part. */
  readonly missing: string | null;
  /** What else it said of itself. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** Contestants that did the same work in the same rounds. */
export interface Case {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** Decides which of several lockstep rows speaks for lockstep. */
  readonly better: 'less' | 'more';
  /** Whether its rows compete, so that a ratio of them means something. */
  readonly isRace: boolean;
  readonly rows: readonly Row[];
}

/** Something that must hold for the times to mean anything, such as equal losses. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Instruction sets that decide which kernels run. */
  readonly instructionSets: readonly string[];
  /** Of the clock frequency, `unknown` where the system does not tell. */
  readonly governor: string;
  readonly system: string;
  readonly node: string;
  /** Of the last minute, when the suite began. */
  readonly loadAtStart: number;
  /** (max - min) / median of a fixed loop, run at the start and the end. */
  readonly calibrationSpread: number;
  /** Something else was running: figures are a draft. */
  readonly isBusy: boolean;
}

export interface SuiteFigures {
  readonly cases: readonly Case[];
  readonly checks: readonly Check[];
}

export interface SuiteResult extends SuiteFigures {
  readonly suite: string;
  readonly title: string;
  readonly at: string;
  readonly command: string;
  readonly rounds: number;
  /** Threads of every contestant that runs as one process. */
  readonly threads: number;
  /** OMP_WAIT_POLICY of every contestant, where one was set. */
  readonly waitPolicy: string;
  readonly commit: string;
  readonly machine: Machine;
}

export interface Results {
  readonly suites: readonly SuiteResult[];
}
