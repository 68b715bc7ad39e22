import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { controlGroupCores, hostFacts } from './host.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lockstep-host-'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

describe('controlGroupCores', () => {
  it('is without bound where nothing is set', async () => {
    await put('cpu.max', 'max 100000\n');
    expect(await controlGroupCores('0::/\n', root)).toBe(Infinity);
    expect(await controlGroupCores('', root)).toBe(Infinity);
  });

  it('takes the tightest quota on the way up (version 2)', async () => {
    await put('pods/cpu.max', '150000 100000\n');
    await put('pods/one/cpu.max', '400000 100000\n');
    expect(await controlGroupCores('0::/pods/one\n', root)).toBe(1.5);
  });

  it('reads version 1 beside other controllers', async () => {
    await put('cpu/docker/one/cpu.cfs_quota_us', '300000\n');
    await put('cpu/docker/one/cpu.cfs_period_us', '100000\n');
    expect(await controlGroupCores('4:memory:/x\n2:cpu,cpuacct:/docker/one\n', root)).toBe(3);
    await put('cpu/docker/one/cpu.cfs_quota_us', '-1\n');
    expect(await controlGroupCores('2:cpu,cpuacct:/docker/one\n', root)).toBe(Infinity);
  });

  it('does not take cpuset or cpuacct for cpu', async () => {
    await put('cpu/docker/cpu.cfs_quota_us', '100000\n');
    await put('cpu/docker/cpu.cfs_period_us', '100000\n');
    expect(await controlGroupCores('3:cpuset:/docker\n5:cpuacct:/docker\n', root)).toBe(Infinity);
  });
});

describe('hostFacts', () => {
  it('stays within what the system has', async () => {
    const { cores, memory } = await hostFacts();
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(cores).toBeLessThanOrEqual(availableParallelism());
    expect(memory.availableMiB).toBeGreaterThan(0);
    expect(memory.availableMiB).toBeLessThanOrEqual(memory.totalMiB);
    expect(memory.totalMiB * (1 << 20)).toBeLessThanOrEqual(totalmem());
  });
});
