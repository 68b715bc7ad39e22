import { describe, expect, it } from 'vitest';

import { wheelSet } from './pins.js';
import { platformProblem } from './platform.js';

const KNOWN = [
  ['linux', 'x64', false],
  ['linux', 'x64', true],
  ['linux', 'arm64', false],
] as const;

describe('the pinned wheels', () => {
  it.each(KNOWN)('on %s %s (gpu: %s) have one exact version and a SHA-256 each', (platform, arch, gpu) => {
    const set = wheelSet(platform, arch, gpu);
    expect(set?.platforms.length).toBeGreaterThan(0);
    expect(set?.wheels[0]?.requirement).toMatch(/^tensorflow(-cpu)?==2\.21\.0$/);
    for (const { requirement, sha256 } of set?.wheels ?? []) {
      expect(requirement).toMatch(/^[a-z0-9-]+==\d+(\.\d+)+$/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(new Set(set?.wheels.map(({ sha256 }) => sha256)).size).toBe(set?.wheels.length);
  });
});

describe('platformProblem', () => {
  const good = { platform: 'linux', arch: 'x64', glibc: '2.36', flags: ['avx', 'avx2'] };

  it('has nothing against a usual Linux, with and without AVX where that is not the question', () => {
    expect(platformProblem(false, good)).toBeUndefined();
    expect(platformProblem(true, good)).toBeUndefined();
    expect(platformProblem(false, { ...good, arch: 'arm64', flags: ['asimd'] })).toBeUndefined();
  });

  it.each([
    ['darwin', 'arm64', false, 'there is no tensorflow engine for darwin on arm64'],
    ['win32', 'x64', false, 'there is no tensorflow engine for win32 on x64'],
    ['linux', 'riscv64', false, 'there is no tensorflow engine for linux on riscv64'],
    ['linux', 'arm64', true, 'there is no GPU build of the tensorflow engine for linux on arm64'],
  ])('names the platform it cannot serve: %s %s', (platform, arch, gpu, reason) => {
    expect(platformProblem(gpu, { ...good, platform, arch })?.reason).toBe(reason);
  });

  it('leads to wasm for a CPU and elsewhere for a GPU', () => {
    expect(platformProblem(false, { ...good, platform: 'win32' })?.advice).toContain('wasm');
    expect(platformProblem(true, { ...good, platform: 'win32' })?.advice).toContain('Linux');
  });

  it('wants a glibc that the wheels run on', () => {
    expect(platformProblem(false, { ...good, glibc: '2.27' })).toBeUndefined();
    expect(platformProblem(false, { ...good, glibc: '3.0' })).toBeUndefined();
    expect(platformProblem(false, { ...good, glibc: '2.17' })?.reason).toContain('glibc 2.27 or newer');
    expect(platformProblem(false, { ...good, glibc: undefined })?.reason).toContain('musl');
  });

  it('wants AVX, without which TensorFlow ends the process', () => {
    expect(platformProblem(false, { ...good, flags: [] })?.reason).toContain('AVX');
  });
});
