/**
 * What decides the bits of a CPU's sums besides the code: oneDNN picks its kernels by instruction set, and Eigen cuts
 * a matrix product into blocks that fit the caches, so both are named in the compute class. Read from Linux's own
 * files; elsewhere the processor's model stands for both.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** Flags that TensorFlow's CPU kernels dispatch on, as Linux spells them for x64 and arm64. */
const DECIDING_FLAGS = [
  'avx',
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512bw',
  'avx512dq',
  'avx512vl',
  'avx512_vnni',
  'avx_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'amx_tile',
  'amx_int8',
  'amx_bf16',
  'asimd',
  'asimdhp',
  'asimddp',
  'bf16',
  'i8mm',
  'sve',
  'sve2',
];

export interface InstructionSet {
  /** The deciding flags this processor has, in a fixed order; empty when unknown. */
  readonly flags: readonly string[];
  /** First- and second-level data cache, for example `48K+2048K`; empty when unknown. */
  readonly caches: string;
  readonly model: string;
}

export function instructionSet(): InstructionSet {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readOr('/proc/cpuinfo', ''))?.[1] ?? '';
  const has = new Set(line.trim().split(/\s+/));
  return {
    flags: DECIDING_FLAGS.filter((flag) => has.has(flag)),
    caches: dataCaches().join('+'),
    model: cpus()[0]?.model.trim() ?? 'unknown processor',
  };
}

/** One word for the instruction set and caches, or the model where the system does not tell them. */
export function instructionSetName({ flags, caches, model }: InstructionSet): string {
  if (flags.length === 0) return model.replace(/\s+/g, '_');
  return [flags.join(','), caches].filter((part) => part !== '').join('@');
}

function dataCaches(): string[] {
  const folder = '/sys/devices/system/cpu/cpu0/cache';
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.startsWith('index')).sort();
  } catch {
    return [];
  }
  const read = (name: string, file: string): string => readOr(join(folder, name, file), '').trim();
  return names
    .filter((name) => read(name, 'type') !== 'Instruction' && Number(read(name, 'level')) <= 2)
    .map((name) => read(name, 'size'));
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
