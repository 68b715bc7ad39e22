/**
 * The journal of the simulated run, read by the library that reads real ones: what a crash has left on the virtual
 * disk is laid into a file first.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHistory } from '@lockstep/checkpoint';
import type { RunHistory } from '@lockstep/checkpoint';
import { planShards } from '@lockstep/data';
import type { Shard } from '@lockstep/data';
import type { VirtualDisk } from './virtual-disk.js';

export const JOURNAL = 'journal.ndjson';

const LINE_END = 0x0a;

/** Work that takes real time: virtual time stands still until all of it is done. */
export class Outside {
  #running: Promise<unknown> | undefined;

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = (this.#running ?? Promise.resolve()).then(work);
    this.#running = result.catch(() => undefined);
    return result;
  }

  async done(): Promise<void> {
    while (this.#running !== undefined) {
      const running = this.#running;
      await running;
      if (this.#running === running) this.#running = undefined;
    }
  }
}

export class RunJournal {
  readonly #disk: VirtualDisk;
  readonly #outside: Outside;
  readonly #folder: string;

  constructor(disk: VirtualDisk, outside: Outside) {
    this.#disk = disk;
    this.#outside = outside;
    this.#folder = mkdtempSync(join(tmpdir(), 'lockstep-simulation-'));
  }

  /** What the journal says now; a torn tail is left out, anything else that is broken throws. */
  read(): Promise<RunHistory> {
    const bytes = this.#disk.read(JOURNAL);
    return this.#outside.run(async () => {
      const path = join(this.#folder, JOURNAL);
      writeFileSync(path, bytes);
      return readHistory(path);
    });
  }

  /** Length in bytes of the lines before the torn tail. */
  soundLength({ tornTail }: RunHistory): number {
    const bytes = this.#disk.read(JOURNAL);
    if (tornTail === null) return bytes.length;
    let length = 0;
    for (let line = 1; line < tornTail.lineNumber; line += 1) length = bytes.indexOf(LINE_END, length) + 1;
    return length;
  }

  /** The plan in force for a step, counted from 0: of the lines that are written, flushed or not. */
  shardsOf(step: number, batchSize: number): readonly Shard[] {
    let shards: readonly Shard[] = planShards(batchSize, 1);
    for (const text of new TextDecoder().decode(this.#disk.read(JOURNAL)).split('\n')) {
      if (!text.startsWith('{"kind":"plan"')) continue;
      const line = JSON.parse(text) as { fromStep: number; shards: [number, number][] };
      if (line.fromStep > step + 1) continue;
      shards = line.shards.map(([rowStart, rowEnd], index) => ({ index, rowStart, rowEnd }));
    }
    return shards;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
