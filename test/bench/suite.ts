/** What a suite is given and gives. */
import type { PeerName } from './peers/peers.js';
import type { Programs } from './programs.js';
import type { SuiteFigures } from './results.js';

export interface SuiteContext {
  readonly rounds: number;
  /** Cores of this machine that may be used. */
  readonly cores: number;
  /** Peers that were asked for; others are left out altogether. */
  readonly peers: ReadonlySet<PeerName>;
  /** A corpus, for the suites that train on one. */
  readonly text: string | undefined;
  readonly programs: Programs;
  /** An empty folder, removed at the end. */
  readonly scratch: string;
  readonly say: (line: string) => void;
}

export interface Suite {
  readonly title: string;
  run(context: SuiteContext): Promise<SuiteFigures>;
}
