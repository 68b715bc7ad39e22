/** Two thousand seeds through the command that anybody can run, on all cores, and proof that each fault was there. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FAULT_KINDS } from './options.js';

const SEEDS = 2_000;
const DEADLINE_MS = 170_000;

/** Beside the faults that are drawn for a moment, those that are drawn for each message or write. */
const CONSTANT_FAULTS = [
  ...['message lost', 'message doubled', 'message reordered', 'message corrupted', 'message broken'],
  ...['write refused', 'write torn'],
];
/** Moments at which somebody must have been killed at least once. */
const MOMENTS = [
  ...['starting', 'gathering', 'recovering', 'computing', 'levelling'].map((one) => `coordinator killed while ${one}`),
  ...['nothing', 'prepare', 'load', 'gradient', 'apply', 'snapshot'].map((one) => `worker killed in ${one}`),
];

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

function simulateSeeds(count: number): Promise<Ended> {
  const root = join(import.meta.dirname, '../..');
  const args = [join(root, 'tools/simulate.mjs'), '--seeds', String(count)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, timeout: DEADLINE_MS });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

/** The number before a line of the summary. */
function countOf(output: string, what: string): number {
  const line = output.split('\n').find((one) => one.replace(/^ *\d+ /, '') === what);
  return Number.parseInt(line ?? '0', 10);
}

it(`ends ${SEEDS} simulated clusters with the bytes of a run without faults`, async () => {
  const { exitCode, output } = await simulateSeeds(SEEDS);
  process.stdout.write(output);
  expect(exitCode, output).toBe(0);
  expect(output).toContain(`${SEEDS} seeds in `);
  expect(output).toContain('\n0 seeds went wrong');
  expect(countOf(output, 'done')).toBeGreaterThan(0.95 * SEEDS);
  const missing = [...FAULT_KINDS, ...CONSTANT_FAULTS, ...MOMENTS].filter((what) => countOf(output, what) === 0);
  expect(missing, 'what never happened').toEqual([]);
});
