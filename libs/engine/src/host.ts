/** What this machine offers a run: cores and memory that this process may really use, and the GPUs. */

import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

import { runChild } from './child.js';
import { PROBE_DEADLINE_MS } from './limits.js';

const MEBIBYTE = 1 << 20;

export interface Gpu {
  /** As nvidia-smi counts, in the order of the PCI bus. */
  readonly index: number;
  readonly name: string;
  readonly memoryMiB: number;
}

export interface HostFacts {
  /** Cores this process may keep busy: affinity and the control group's quota are counted; at least 1. */
  readonly cores: number;
  readonly memory: { readonly totalMiB: number; readonly availableMiB: number };
  /** Empty where there is no nvidia-smi or it sees none. */
  readonly gpus: readonly Gpu[];
}

/** Asks the system; takes milliseconds without GPUs and up to a second with. */
export async function hostFacts(): Promise<HostFacts> {
  const quota = await controlGroupCores(await readFile('/proc/self/cgroup', 'utf8').catch(() => ''), '/sys/fs/cgroup');
  const limitBytes = process.constrainedMemory();
  const totalBytes = limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem();
  return {
    cores: Math.max(1, Math.min(availableParallelism(), Math.floor(quota))),
    memory: {
      totalMiB: Math.floor(totalBytes / MEBIBYTE),
      availableMiB: Math.floor(Math.min(process.availableMemory(), totalBytes) / MEBIBYTE),
    },
    gpus: await listGpus(),
  };
}

/**
 * Cores that the control group's quota allows, Infinity without one. Node 20 does not look there itself.
 * @param groups text of /proc/self/cgroup
 * @param root where control groups are mounted; version 2 there, or version 1 in its folder `cpu`
 */
export async function controlGroupCores(groups: string, root: string): Promise<number> {
  let least = Infinity;
  for (let path = /^0::(\/.*)$/m.exec(groups)?.[1]; path !== undefined; path = parent(path)) {
    const [quota, period] = (await readOr(join(root, path, 'cpu.max'), 'max')).trim().split(' ').map(Number);
    least = Math.min(least, ratio(quota, period));
  }
  const version1 = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1];
  for (let path = version1; path !== undefined; path = parent(path)) {
    const quota = Number(await readOr(join(root, 'cpu', path, 'cpu.cfs_quota_us'), '-1'));
    const period = Number(await readOr(join(root, 'cpu', path, 'cpu.cfs_period_us'), '-1'));
    least = Math.min(least, ratio(quota, period));
  }
  return least;
}

function parent(path: string): string | undefined {
  return path === '/' ? undefined : dirname(path);
}

function ratio(quota: number | undefined, period: number | undefined): number {
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return Infinity;
  return quota / period;
}

async function readOr(path: string, otherwise: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => otherwise);
}

async function listGpus(): Promise<Gpu[]> {
  const gpus: Gpu[] = [];
  const query = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits'];
  await runChild('nvidia-smi', query, {
    deadlineMs: PROBE_DEADLINE_MS,
    onLine: (line) => {
      const [, index, name, memoryMiB] = /^(\d+), (.+), (\d+)$/.exec(line) ?? [];
      if (name !== undefined) gpus.push({ index: Number(index), name, memoryMiB: Number(memoryMiB) });
    },
  });
  return gpus;
}
