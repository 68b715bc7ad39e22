/** What a planted bug is. */

export interface Change {
  readonly file: string;
  /** Occurs exactly once in the file, or the bug is stale. */
  readonly search: string;
  readonly replace: string;
}

export interface Bug {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly suite: Suite;
}

export interface Suite {
  readonly files: readonly string[];
  /** Only tests whose name matches. */
  readonly tests?: string;
}

/** All screenplays. */
export const scenarios: Suite = { files: ['test/scenarios'] };
/** Some tens of seeds. */
export const simulation: Suite = { files: ['test/simulation/few-seeds'] };
