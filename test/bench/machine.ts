/** The machine under test, and whether it was left alone: figures from a busy one are drafts and say so. */
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { hostFacts } from '@lockstep/engine';
import { summarise } from '@lockstep/measure';
import type { Machine } from './results.js';

/** A quiet machine's load when a benchmark begins is its own start-up. */
const LOAD_A_CORE_MAX = 0.35;
const SPREAD_MAX = 0.1;
const CALIBRATION_RUNS = 15;
const CALIBRATION_TURNS = 4_000_000;
const KNOWN_SETS = ['avx', 'avx2', 'fma', 'f16c', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'amx_bf16'];

/** Milliseconds of the same arithmetic, several times: how much they differ is what something else took. */
function calibrate(): number[] {
  const run = (): number => {
    const startMs = performance.now();
    let value = 1;
    for (let turn = 0; turn < CALIBRATION_TURNS; turn += 1) value = value * 1.0000001 + 1e-9;
    if (value < 0) throw new Error('a sum of positive numbers is negative');
    return performance.now() - startMs;
  };
  run();
  return Array.from({ length: CALIBRATION_RUNS }, run);
}

const readOr = (path: string, otherwise: string): Promise<string> => readFile(path, 'utf8').catch(() => otherwise);

/** Looks at the machine before a suite; the function returned looks again after it. */
export async function watchMachine(): Promise<() => Promise<Machine>> {
  const [loadAtStart = 0] = loadavg();
  const before = calibrate();
  return async () => {
    const { median, min, max } = summarise([...before, ...calibrate()]);
    const { cores, memory } = await hostFacts();
    const flags = new Set(/^flags\s*: (.*)$/m.exec(await readOr('/proc/cpuinfo', ''))?.[1]?.split(' ') ?? []);
    const governor = await readOr('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'unknown');
    const calibrationSpread = (max - min) / median;
    return {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores,
      memoryGiB: Math.round(Math.min(totalmem(), memory.totalMiB * 2 ** 20) / 2 ** 30),
      instructionSets: KNOWN_SETS.filter((name) => flags.has(name)),
      governor: governor.trim(),
      system: `${type()} ${release()}`,
      node: process.version,
      loadAtStart,
      calibrationSpread,
      isBusy: loadAtStart > LOAD_A_CORE_MAX * cores || calibrationSpread > SPREAD_MAX,
    };
  };
}
