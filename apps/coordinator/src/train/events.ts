/** What happens in a run, as data: the terminal, plain lines and `--json` are three ways to show the same events. */
import type { z } from 'zod';
import type { namedWorkerSchema, runEventSchema, runSummarySchema } from './event-schema.js';

type ReadonlyEach<T> = T extends unknown ? Readonly<T> : never;

export type RunSummary = Readonly<z.infer<typeof runSummarySchema>>;

/** What programs may read, too. */
export type PublishedEvent = ReadonlyEach<z.infer<typeof runEventSchema>>;

/** A worker by its number, null where it never had one, and the name it keeps over restarts. */
export type NamedWorker = Readonly<z.infer<typeof namedWorkerSchema>>;

export type RunEvent =
  | PublishedEvent
  /** Who computes what changes several times a step and is only of use to someone who watches. */
  | { readonly event: 'assigned'; readonly step: number; readonly shards: ReadonlyMap<number, readonly number[]> }
  | { readonly event: 'answered'; readonly step: number; readonly worker: number; readonly computeSeconds: number };

/** Shows events; must never throw into the run. */
export interface RunView {
  show(event: RunEvent): void;
  /** Gives the terminal back; nothing is shown afterwards. */
  close(): void;
}
