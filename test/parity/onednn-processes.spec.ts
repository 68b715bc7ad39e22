/**
 * What of the onednn engine shows only in a process of its own: its bits from process to process, signals in the
 * middle of a step, memory over many steps.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { engineEnvironment } from '@lockstep/engine';
import { findOrExplain } from './engines.js';

const found = await findOrExplain('onednn');
if (typeof found === 'string') process.stderr.write(`processes of onednn are not tested: ${found}\n`);

/** Prints the hash of a gradient after `steps` steps, and by how much memory and handles grew in the second half. */
const PROGRAM = `
  import { createHash } from 'node:crypto';
  import { findEngine, loadEngine } from '@lockstep/engine';
  import { createModel, initialWeights } from '@lockstep/model';
  import { weightLayout } from '@lockstep/reduce';
  const [rows, sequenceLength, units, steps] = process.argv.slice(1).map(Number);
  process.on('SIGUSR2', () => undefined);
  const device = { kind: 'cpu' };
  const engine = await loadEngine(await findEngine('onednn', { device }), { device });
  const layout = weightLayout({ vocabularySize: 66, embedding: 64, units });
  const model = createModel(engine, layout);
  const weights = initialWeights(layout, { seed: 1, init: 'torch' });
  const ids = Int32Array.from({ length: rows * (sequenceLength + 1) }, (_, i) => (i * 31) % 66);
  const hashes = new Set();
  const grown = { handles: 0, bytes: 0 };
  for (let step = 0; step < steps; step++) {
    if (step === steps >> 1) Object.assign(grown, { handles: engine.handleCount(), bytes: process.memoryUsage().rss });
    const { gradient } = model.gradients(weights, ids, rows, sequenceLength);
    hashes.add(createHash('sha256').update(gradient).digest('hex'));
    if (step === 0) console.log('computing');
    await new Promise((resolve) => setImmediate(resolve));
  }
  const handles = engine.handleCount() - grown.handles;
  console.log(JSON.stringify({ hashes: [...hashes], handles, bytes: process.memoryUsage().rss - grown.bytes }));
  // An ending process takes no more signals: it ends when it is told to.
  process.stdin.resume();`;

interface Outcome {
  readonly hashes: readonly string[];
  readonly handles: number;
  readonly bytes: number;
}

interface Trial {
  readonly rows: number;
  readonly sequenceLength: number;
  readonly units: number;
  readonly steps: number;
  readonly threads: number;
}

/** @param whileComputing called with the process once it computes; what it returns is called when it has computed */
async function runProgram(trial: Trial, whileComputing?: (child: ChildProcess) => () => void): Promise<Outcome> {
  const { rows, sequenceLength, units, steps, threads } = trial;
  const numbers = [rows, sequenceLength, units, steps].map(String);
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, ...numbers], {
    env: { ...process.env, ...engineEnvironment({ threads, device: { kind: 'cpu' } }) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let stop: (() => void) | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes('computing')) stop ??= whileComputing?.(child);
    if (!output.includes('}')) return;
    stop?.();
    child.stdin.end();
  });
  const ended = await new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  expect(ended).toBe(0);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Outcome;
}

describe.skipIf(typeof found === 'string')('onednn in a process of its own', () => {
  it.each([
    { rows: 64, sequenceLength: 20, units: 256, threads: 1 },
    { rows: 64, sequenceLength: 20, units: 256, threads: 2 },
    { rows: 21, sequenceLength: 10, units: 200, threads: 3 },
    { rows: 1, sequenceLength: 1, units: 33, threads: 2 },
  ])('gives the same bits in two processes: $rows rows, $units units, threads: $threads', async (sizes) => {
    const outcomes = [await runProgram({ ...sizes, steps: 3 }), await runProgram({ ...sizes, steps: 3 })];
    expect(new Set(outcomes.flatMap(({ hashes }) => hashes)).size).toBe(1);
  });

  it('keeps its bits under a storm of signals', async () => {
    const trial = { rows: 64, sequenceLength: 20, units: 256, steps: 40, threads: 2 };
    const [calm] = (await runProgram({ ...trial, steps: 1 })).hashes;
    let sent = 0;
    const stormy = await runProgram(trial, (child) => {
      const storm = setInterval(() => {
        for (let count = 0; count < 10; count += 1) if (child.kill('SIGUSR2')) sent += 1;
      }, 1);
      return () => clearInterval(storm);
    });
    expect(sent).toBeGreaterThan(100);
    expect(stormy.hashes).toEqual([calm]);
  });

  it('needs no more memory and no more handles after 200 steps than after 100', async () => {
    const { handles, bytes } = await runProgram({ rows: 32, sequenceLength: 20, units: 256, steps: 200, threads: 2 });
    expect(handles).toBe(0);
    expect(bytes).toBeLessThan(32 << 20);
  });
});
