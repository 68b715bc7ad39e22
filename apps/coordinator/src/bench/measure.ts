/** The figures of `lockstep bench`: each engine's step, the memory, the loopback, and what follows on paper. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ENGINE_NAMES, LockstepError, PRESETS } from '@lockstep/config';
import type { PresetName } from '@lockstep/config';
import { engineEnvironment, findEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import { allReduceSeconds, projectedStepsPerSecond, summarise } from '@lockstep/measure';
import type { Link, Summary } from '@lockstep/measure';
import { weightLayout } from '@lockstep/reduce';
import { measureLoopback } from '@lockstep/transport';
import { ANSWER } from './answer.js';
import type { EngineJob } from './engine-child.js';

const CHILD = fileURLToPath(new URL('./engine-child.js', import.meta.url));
/** A batch of the largest preset on the slowest engine takes half a minute on a small machine. */
const STEP_DEADLINE_MS = 60_000;
const START_DEADLINE_MS = 120_000;
const KEPT_CHARACTERS = 2_000;
/** Tiny Shakespeare's. */
const VOCABULARY = 66;
/** Pieces of a gradient on the wire, for the projection: more overlap, but each is a message. */
const CHUNKS = [1, 2, 4, 8, 16];

export interface EngineFigures {
  readonly engine: string;
  /** Milliseconds a step. */
  readonly step: Summary;
  readonly charactersPerSecond: number;
}

export interface Projection {
  readonly workers: number;
  readonly starMs: number;
  readonly meshMs: number;
  readonly stepsPerSecond: number;
}

/** Names to measure: the one that was chosen, or all that are here. */
export async function enginesToMeasure(choice: EngineChoice): Promise<readonly EngineChoice[]> {
  if (choice !== 'auto') return [choice];
  const found: EngineChoice[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      await findEngine(name, { device: { kind: 'cpu' } });
      found.push(name);
    } catch (error) {
      if (!(error instanceof LockstepError) || error.kind !== 'unavailable') throw error;
    }
  }
  return found;
}

/** @throws LockstepError `unavailable` when its process fails, with its last words */
export async function measureEngine(
  engine: EngineChoice,
  options: { readonly preset: PresetName; readonly rounds: number; readonly threads: number },
): Promise<EngineFigures> {
  const { batchSize, sequenceLength, embedding, units } = PRESETS[options.preset];
  const { rounds, threads } = options;
  const job: EngineJob = { engine, vocabularySize: VOCABULARY, embedding, units, batchSize, sequenceLength, rounds };
  const answer = await askChild(job, { ...process.env, ...engineEnvironment({ threads, device: { kind: 'cpu' } }) });
  const step = summarise(answer.stepsMs);
  return { engine: answer.version, step, charactersPerSecond: (batchSize * sequenceLength * 1000) / step.median };
}

async function askChild(job: EngineJob, env: NodeJS.ProcessEnv): Promise<{ version: string; stepsMs: number[] }> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(job)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, complaints] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-KEPT_CHARACTERS)));
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_DEADLINE_MS + job.rounds * STEP_DEADLINE_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', (exit) => resolve(exit)));
  clearTimeout(deadline);
  const line = output.split('\n').find((one) => one.startsWith(ANSWER));
  if (line !== undefined && code === 0) {
    return JSON.parse(line.slice(ANSWER.length)) as { version: string; stepsMs: number[] };
  }
  const words = complaints.split('\n').find((one) => /error/i.test(one)) ?? `its process ended with ${code}`;
  throw new LockstepError(
    'unavailable',
    `the ${job.engine} engine cannot be measured: ${words}`,
    'see lockstep doctor',
  );
}

/** Gigabytes a second that a copy of float32 vectors reads (and writes as many), one thread. */
export function measureMemory(length: number, rounds: number): number {
  const [from, to] = [new Float32Array(length).fill(1), new Float32Array(length)];
  const copy = (): number => {
    const startMs = performance.now();
    to.set(from);
    return performance.now() - startMs;
  };
  copy();
  const { median } = summarise(Array.from({ length: rounds }, copy));
  return from.byteLength / 1e6 / median;
}

/** Latency and bandwidth of messages between two sockets of this machine. */
export async function measureLink(payloadBytes: number, rounds: number): Promise<Link> {
  const { roundTripMs, megabytesPerSecond } = await measureLoopback({ rounds, payloadBytes });
  return { alphaSeconds: roundTripMs / 2 / 1000, bytesPerSecond: megabytesPerSecond * 1e6 };
}

/** Values in a gradient of a preset's model. */
export function gradientLength(preset: PresetName): number {
  const { embedding, units } = PRESETS[preset];
  return weightLayout({ vocabularySize: VOCABULARY, embedding, units }).length;
}

/** Equal machines on one network, 1, 2, 4 and so on; a batch of the same size is shared by all of them. */
export function project(stepSeconds: number, values: number, link: Link, workersMax: number): Projection[] {
  const rows: Projection[] = [];
  for (let workers = 1; workers <= workersMax; workers *= 2) {
    const shape = { workers, values, bytesPerValue: 4 };
    const starMs = Math.min(...CHUNKS.map((chunks) => 1000 * allReduceSeconds('star', { ...shape, chunks }, link)));
    const meshMs = 1000 * allReduceSeconds('mesh', shape, link);
    const stepsPerSecond = projectedStepsPerSecond(stepSeconds, shape, link);
    rows.push({ workers, starMs, meshMs, stepsPerSecond });
  }
  return rows;
}
