/**
 * Runs that are harmed, and the run without harm that they are compared with: same text, same plan, and at the end
 * the same bytes.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  journalOf,
  lockstep,
  readJson,
  sharedFolder,
  temporaryFolder,
  writeText,
} from '../cluster/lockstep-process.js';

/** What must not depend on faults. */
interface Result {
  readonly weightsSha256: unknown;
  /** Of each step: number, epoch, loss, characters, norm and the digests of its shards. */
  readonly steps: readonly string[];
}

export function resultOf(run: string): Result {
  const lines = journalOf(run).filter(({ kind }) => kind === undefined || kind === 'step');
  return {
    weightsSha256: readJson(run, 'summary.json')['weightsSha256'],
    steps: lines.map(({ step, epoch, loss, characters, gradientNorm, shardDigests }) =>
      JSON.stringify({ step, epoch, loss, characters, gradientNorm, shardDigests }),
    ),
  };
}

/** Harmed runs of one spec file, beside one that is not. */
export class Comparison {
  readonly #steps: number;
  #fixed: readonly string[] = [];
  #clean: Result | undefined;

  /** Makes the clean run before the tests of the file. */
  constructor(steps: number, ...more: readonly string[]) {
    this.#steps = steps;
    const folder = sharedFolder();
    beforeAll(async () => {
      const plan = ['--preset', 'tiny', '--engine', 'wasm', '--steps', String(steps), '--sample-length', '0'];
      this.#fixed = ['train', '--text', writeText(folder.path), ...plan, ...more];
      const run = join(folder.path, 'clean');
      const { code, stderr } = await lockstep([...this.#fixed, '--run-dir', run], { cwd: folder.path, inHook: true });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      this.#clean = resultOf(run);
    });
    afterAll(() => folder.remove());
  }

  /** Arguments of the same run in a directory of its own. */
  harmed(...more: readonly string[]): { readonly run: string; readonly args: readonly string[] } {
    const run = join(temporaryFolder(), 'run');
    return { run, args: [...this.#fixed, '--run-dir', run, ...more] };
  }

  /** The same bytes, the same steps, every step once and in order. */
  expectSame(run: string): void {
    const result = resultOf(run);
    expect(result.steps.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
      Array.from({ length: this.#steps }, (_, index) => index + 1),
    );
    expect(result).toEqual(this.#clean);
  }
}
