import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../tidy/repository.js';

const EXECUTABLE = join(root, 'apps/coordinator/bin/lockstep.mjs');
const run = (...args: string[]): string =>
  execFileSync(
    process.execPath,
    [EXECUTABLE, 'bench', '--preset', 'tiny', '--engine', 'wasm', '--rounds', '2', ...args],
    {
      encoding: 'utf8',
      env: { ...process.env, LOCKSTEP_CONFIG: '' },
    },
  );

describe('lockstep bench', () => {
  it('measures an engine, the memory and the loopback, and projects from them', () => {
    const figures = JSON.parse(run('--json', '--workers', '8', '--bandwidth', '1', '--latency', '2')) as {
      parameters: number;
      engines: { engine: string; step: { count: number; median: number }; charactersPerSecond: number }[];
      memoryGigabytesPerSecond: number;
      loopback: { alphaSeconds: number; bytesPerSecond: number };
      network: unknown;
      projection: { workers: number; meshMs: number; starMs: number; stepsPerSecond: number }[];
    };
    const [engine] = figures.engines;
    expect(engine?.engine).toMatch(/^wasm \d/);
    expect(engine?.step.count).toBe(2);
    expect(engine?.charactersPerSecond).toBeCloseTo((8 * 20 * 1000) / engine.step.median, 6);
    expect(figures.memoryGigabytesPerSecond).toBeGreaterThan(0);
    expect(figures.loopback.bytesPerSecond).toBeGreaterThan(0);
    expect(figures.network).toEqual({ alphaSeconds: 0.002, bytesPerSecond: 125e6 });
    expect(figures.projection.map(({ workers }) => workers)).toEqual([1, 2, 4, 8]);
    const [alone, two] = figures.projection;
    expect(alone).toMatchObject({ meshMs: 0, starMs: 0 });
    expect(alone.stepsPerSecond).toBeCloseTo(1000 / engine.step.median, 6);
    expect(two.meshMs).toBeCloseTo(1000 * 2 * (0.002 + (figures.parameters * 4) / 2 / 125e6), 6);
  });

  it('tells the same to people', () => {
    const text = run();
    for (const words of ['preset tiny, 8,034 weights', 'wasm', 'GB/s copied', 'ms a message', 'sum by mesh']) {
      expect(text).toContain(words);
    }
  });
});
