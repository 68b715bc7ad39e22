/**
 * The vector operations against a memory copy that moves as many bytes (what is read and what is written), in rounds
 * that alternate: every case once, then all again. The ratio is the median over the rounds of the two times of one
 * round, so that a busy machine slows both.
 */
import { parseArgs } from 'node:util';
import { cases } from './cases.js';

interface Line {
  readonly name: string;
  readonly medianMs: number;
  readonly leastMs: number;
  /** Against the copy of the same round; 1 is as fast as memory. */
  readonly ratio: number;
}

const HALF = 2;

export async function benchVector(args: readonly string[], print: (line: string) => void): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '15' },
      length: { type: 'string', default: '4022850' },
      cpu: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const lines = await measure(Number(values.length), Number(values.rounds), values.cpu ? cpuTimeMs : wallTimeMs);
  if (values.json) {
    print(
      JSON.stringify({ length: Number(values.length), rounds: Number(values.rounds), node: process.version, lines }),
    );
    return;
  }
  print(`${values.length} values, ${values.rounds} rounds: median, least, ratio to a copy that moves the same bytes`);
  for (const { name, medianMs, leastMs, ratio } of lines) {
    const times = [medianMs, leastMs].map((time) => `${time.toFixed(2).padStart(8)} ms`);
    print(`${name.padEnd(48)}${times.join('')}${ratio.toFixed(2).padStart(8)}`);
  }
}

async function measure(length: number, rounds: number, clock: () => number): Promise<Line[]> {
  const all = await cases(length);
  const source = new Float32Array(Math.max(...all.map(({ moved }) => Math.ceil((moved * length) / HALF)))).fill(1);
  const target = source.slice();
  const measured = all.map((one) => ({ ...one, times: new Array<number>(), copies: new Array<number>() }));
  for (let round = -1; round < rounds; round++) {
    for (const { run, moved, times, copies } of measured) {
      const part = source.subarray(0, Math.ceil((moved * length) / HALF));
      const copyMs = timed(clock, () => target.set(part));
      const runMs = timed(clock, run);
      if (round < 0) continue; // The first round compiles.
      copies.push(copyMs);
      times.push(runMs);
    }
  }
  return measured.map(({ name, times, copies }) => ({
    name,
    medianMs: median(times),
    leastMs: Math.min(...times),
    ratio: median(times.map((time, round) => time / (copies[round] ?? NaN))),
  }));
}

function timed(clock: () => number, work: () => void): number {
  const startMs = clock();
  work();
  return clock() - startMs;
}

const wallTimeMs = (): number => performance.now();

/** Of the whole process: what a busy machine leaves comparable. */
function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / HALF)] ?? NaN;
}
