/**
 * Who failed first, for the end of a run that fails: the first stack is the cause more often than the last, and
 * workers that fall one after another mostly say the same. What a worker says itself counts more than how its process
 * ended, and that more than the loss of its connection; its place in time stays that of the first sign.
 */
import type { CoordinatorState, Report } from '@lockstep/protocol';
import { hostname } from 'node:os';
import type { Order } from '../supervise/messages.js';
import type { RunEvent } from './events.js';

type WorkerGone = Extract<Order, { type: 'worker-gone' }>;
/** What is looked at of the state of the run. */
interface Progress {
  readonly workers: ReadonlyMap<string, Pick<WorkerRecord, 'slot' | 'peer'>>;
  readonly committed: number;
  readonly phase: { readonly name: CoordinatorState['phase']['name'] };
}
type WorkerRecord = CoordinatorState['workers'] extends ReadonlyMap<string, infer R> ? R : never;
type FailureEvent = Extract<RunEvent, { event: 'failure' }>;

/** Processes kept in mind; the first ones matter. */
const KEPT_MAX = 1_000;
const OTHERS_MAX = 20;
/** A run that has gone on for so long has got over what happened before. */
const GOT_OVER_MS = 600_000;

/** Where it is known from, the weakest first. */
const SOURCES = ['lost', 'ended', 'said'] as const;
type Source = (typeof SOURCES)[number];

interface Failure {
  readonly worker: number | null;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly atMs: number;
  readonly source: Source;
  readonly what: string;
  readonly stack: string;
  readonly log: readonly string[];
}

export class WorkerFailures {
  readonly #now: () => number;
  /** By process, in the order of the first signs. */
  readonly #failures = new Map<string, Failure>();
  #committed = 0;
  #latestMs = 0;

  /** @param now milliseconds by the clock on the wall */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Of every report. */
  observe(report: Report, progress: Progress): void {
    if (report.type !== 'worker') return;
    if (report.status === 'preparing') this.#forgetReturned(report.slot, progress);
    if (report.status !== 'gone') return;
    const { peer, said, ...lost } = report.lost;
    const source = said === null ? 'lost' : 'said';
    const what = said ?? withoutName(report.detail);
    this.#add(peer, { worker: report.slot, ...lost, source, what }, progress);
  }

  /** A process on this machine has ended that was not told to. */
  ended({ peer, unasked }: WorkerGone, progress: Progress): void {
    // Once the run has ended, workers fail because they are told that it has.
    if (unasked === null || progress.phase.name === 'ended') return;
    const { name, pid, how, said, stack, log } = unasked;
    const known = this.#failures.get(peer)?.worker ?? progress.workers.get(peer)?.slot ?? null;
    const source = said === null ? 'ended' : 'said';
    this.#add(peer, { worker: known, name, host: hostname(), pid, source, what: said ?? how, stack, log }, progress);
  }

  /** The first of those that the run has not got over; null when there is none. */
  event(runDirectory: string, progress: Progress): FailureEvent | null {
    this.#getOver(progress);
    const failures = [...this.#failures].flatMap(([peer, failure]) =>
      failure.source === 'lost' && progress.workers.has(peer) ? [] : [failure],
    );
    const [first] = failures;
    if (first === undefined) return null;
    const groups = groupedBySaying(failures);
    const alike = groups.get(saying(first.what)) ?? [];
    groups.delete(saying(first.what));
    const { worker, name, host, pid, what, stack, log, atMs } = first;
    return {
      event: 'failure',
      ...{ worker, name, host, pid, what, stack, log, runDirectory },
      at: new Date(atMs).toISOString(),
      times: alike.filter((one) => one.name === name).length,
      same: named(alike.filter((one) => one.name !== name)),
      others: [...groups.values()].slice(0, OTHERS_MAX).map((group) => ({
        workers: named(group),
        what: group[0]?.what ?? '',
      })),
    };
  }

  #add(peer: string, failure: Omit<Failure, 'atMs'>, progress: Progress): void {
    this.#getOver(progress);
    const atMs = this.#now();
    this.#latestMs = atMs;
    this.#committed = progress.committed;
    const known = this.#failures.get(peer);
    if (known === undefined && this.#failures.size >= KEPT_MAX) return;
    this.#failures.set(peer, known === undefined ? { ...failure, atMs } : merged(known, failure));
  }

  #getOver({ committed }: Progress): void {
    if (committed > this.#committed && this.#now() - this.#latestMs > GOT_OVER_MS) this.#failures.clear();
  }

  /** Its connection was lost, and it is back. */
  #forgetReturned(slot: number, { workers }: Progress): void {
    const back = [...workers.values()].find((worker) => worker.slot === slot);
    if (back !== undefined && this.#failures.get(back.peer)?.source === 'lost') this.#failures.delete(back.peer);
  }
}

function merged(known: Failure, later: Omit<Failure, 'atMs'>): Failure {
  const better = SOURCES.indexOf(later.source) > SOURCES.indexOf(known.source) ? later : known;
  return {
    ...known,
    source: better.source,
    what: better.what,
    stack: better.stack === '' ? known.stack || later.stack : better.stack,
    log: known.log.length > 0 ? known.log : later.log,
  };
}

/** The same but for numbers, addresses and paths. */
function saying(what: string): string {
  return what
    .replaceAll(/(?:\/[^\s/:;,'")]+)+/g, 'PATH')
    .replaceAll(/\b0x[0-9a-f]+\b/gi, 'N')
    .replaceAll(/\d+/g, 'N');
}

function groupedBySaying(failures: readonly Failure[]): Map<string, Failure[]> {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const key = saying(failure.what);
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  return groups;
}

/** Each worker once, however often it was started again. */
function named(failures: readonly Failure[]): FailureEvent['same'] {
  const byName = new Map(failures.map(({ worker, name }) => [name, { worker, name }]));
  return [...byName.values()];
}

/** `worker 1 (local-1, pid 7 on box): what` without the worker. */
function withoutName(detail: string): string {
  return detail.replace(/^worker \d+ \([^()]*\): /, '');
}
