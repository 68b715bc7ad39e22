import { describe, expect, it } from 'vitest';

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import { wheelSet } from './pins.js';
import { platformProblem } from './platform.js';

const [CPU, GPU] = [tensorflowBuild(false), tensorflowBuild(true)];

const KNOWN = [
  { platform: 'linux', arch: 'x64', build: ONEDNN_BUILD, requirement: /^onednn-cpu-gomp==2023\.2\.0$/ },
  { platform: 'linux', arch: 'x64', build: CPU, requirement: /^tensorflow-cpu==2\.21\.0$/ },
  { platform: 'linux', arch: 'x64', build: GPU, requirement: /^tensorflow==2\.21\.0$/ },
  { platform: 'linux', arch: 'arm64', build: CPU, requirement: /^tensorflow==2\.21\.0$/ },
] as const;

describe('the pinned wheels', () => {
  it.each(KNOWN)('have one exact version and a SHA-256 each: $requirement', ({ platform, arch, build, ...wanted }) => {
    const set = wheelSet(build, platform, arch);
    expect(set?.platforms.length).toBeGreaterThan(0);
    expect(set?.wheels[0]?.requirement).toMatch(wanted.requirement);
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
    expect(platformProblem(CPU, good)).toBeUndefined();
    expect(platformProblem(GPU, good)).toBeUndefined();
    expect(platformProblem(CPU, { ...good, arch: 'arm64', flags: ['asimd'] })).toBeUndefined();
  });

  it.each([
    ['darwin', 'arm64', false, 'there is no tensorflow engine for darwin on arm64'],
    ['win32', 'x64', false, 'there is no tensorflow engine for win32 on x64'],
    ['linux', 'riscv64', false, 'there is no tensorflow engine for linux on riscv64'],
    ['linux', 'arm64', true, 'there is no GPU build of the tensorflow engine for linux on arm64'],
  ])('names the platform it cannot serve: %s %s', (platform, arch, gpu, reason) => {
    expect(platformProblem(gpu ? GPU : CPU, { ...good, platform, arch })?.reason).toBe(reason);
  });

  it('leads to wasm for a CPU and elsewhere for a GPU', () => {
    expect(platformProblem(CPU, { ...good, platform: 'win32' })?.advice).toContain('wasm');
    expect(platformProblem(GPU, { ...good, platform: 'win32' })?.advice).toContain('Linux');
  });

  it('wants a glibc that the wheels run on', () => {
    expect(platformProblem(CPU, { ...good, glibc: '2.27' })).toBeUndefined();
    expect(platformProblem(CPU, { ...good, glibc: '3.0' })).toBeUndefined();
    expect(platformProblem(CPU, { ...good, glibc: '2.17' })?.reason).toContain('glibc 2.27 or newer');
    expect(platformProblem(CPU, { ...good, glibc: undefined })?.reason).toContain('musl');
  });

  it('wants AVX, without which TensorFlow ends the process', () => {
    expect(platformProblem(CPU, { ...good, flags: [] })?.reason).toContain('AVX');
  });

  it('wants AVX2 for oneDNN, and knows where there is none of it', () => {
    expect(platformProblem(ONEDNN_BUILD, good)).toBeUndefined();
    expect(platformProblem(ONEDNN_BUILD, { ...good, flags: ['avx'] })?.reason).toContain('AVX2');
    const arm = { ...good, arch: 'arm64', flags: ['asimd'] };
    expect(platformProblem(ONEDNN_BUILD, arm)?.reason).toBe('there is no onednn engine for linux on arm64');
  });
});
