import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allReduceSeconds, crossovers, projectedStepsPerSecond } from './alpha-beta.js';

const VALUES = 4_022_850;
/** 1 Gbit/s, 100 us. */
const gigabit = { alphaSeconds: 1e-4, bytesPerSecond: 125e6 };
const shape = (workers: number, chunks = 1) => ({ workers, values: VALUES, bytesPerValue: 4, chunks });

describe('an all-reduce on paper', () => {
  it('takes, by star, a message in and a message out for every worker', () => {
    const message = gigabit.alphaSeconds + (4 * VALUES) / gigabit.bytesPerSecond;
    expect(allReduceSeconds('star', shape(4), gigabit)).toBeCloseTo(8 * message, 9);
  });

  it('takes, by mesh, two slices for every other worker', () => {
    const message = gigabit.alphaSeconds + VALUES / gigabit.bytesPerSecond;
    expect(allReduceSeconds('mesh', shape(4), gigabit)).toBeCloseTo(6 * message, 9);
  });

  it('costs nothing for one worker alone', () => {
    expect(allReduceSeconds('star', shape(1), gigabit)).toBe(0);
    expect(allReduceSeconds('mesh', shape(1), gigabit)).toBe(0);
  });

  it('gains by chunks almost half of a star, as long as messages cost little', () => {
    const [whole, cut] = [1, 16].map((chunks) => allReduceSeconds('star', shape(8, chunks), gigabit));
    expect(cut / whole).toBeGreaterThan(0.5);
    expect(cut / whole).toBeLessThan(0.55);
    const slow = { ...gigabit, alphaSeconds: 1 };
    expect(allReduceSeconds('star', shape(8, 16), slow)).toBeGreaterThan(allReduceSeconds('star', shape(8), slow));
  });

  it('never gets faster with more workers, more values or a slower link', () => {
    const topology = fc.constantFrom('star' as const, 'mesh' as const);
    const count = fc.integer({ min: 2, max: 1024 });
    fc.assert(
      fc.property(topology, count, fc.integer({ min: 1, max: 1e8 }), (which, workers, values) => {
        const one = { workers, values, bytesPerValue: 4 };
        const seconds = allReduceSeconds(which, one, gigabit);
        expect(allReduceSeconds(which, { ...one, workers: workers + 1 }, gigabit)).toBeGreaterThan(seconds);
        expect(allReduceSeconds(which, { ...one, values: values + 1 }, gigabit)).toBeGreaterThan(seconds);
        expect(allReduceSeconds(which, { ...one, bytesPerValue: 2 }, gigabit)).toBeLessThan(seconds);
        expect(allReduceSeconds(which, one, { ...gigabit, bytesPerSecond: 1e6 })).toBeGreaterThan(seconds);
      }),
    );
  });

  it('refuses what is no count', () => {
    expect(() => allReduceSeconds('star', shape(0), gigabit)).toThrow('no count');
    expect(() => allReduceSeconds('mesh', shape(2.5), gigabit)).toThrow('no count');
  });
});

describe('the crossover table', () => {
  it('goes up to 1,024 workers and finds mesh ahead where bytes decide', () => {
    const table = crossovers(VALUES, gigabit, { workersMax: 1024, chunks: 16 });
    expect(table.map(({ workers }) => workers)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]);
    expect(new Set(table.map(({ fastest }) => fastest))).toEqual(new Set(['mesh']));
    expect(table[0].seconds.map(({ topology, bytesPerValue }) => `${topology} ${bytesPerValue}`)).toEqual([
      'star 4',
      'mesh 4',
      'star 2',
      'mesh 2',
    ]);
  });

  it('counts messages where latency decides: two a worker by star, two for every other by mesh', () => {
    const far = { alphaSeconds: 0.1, bytesPerSecond: 1e9 };
    const [two] = crossovers(1, far, { workersMax: 2, chunks: 1 });
    expect(two?.fastest).toBe('mesh');
    expect(allReduceSeconds('star', { workers: 16, values: 1, bytesPerValue: 4 }, far)).toBeCloseTo(3.2, 6);
    expect(allReduceSeconds('mesh', { workers: 16, values: 1, bytesPerValue: 4 }, far)).toBeCloseTo(3, 6);
  });
});

describe('the projection', () => {
  it('divides the computation, adds the faster topology', () => {
    expect(projectedStepsPerSecond(2, shape(1), gigabit)).toBe(0.5);
    const seconds = 2 / 4 + allReduceSeconds('mesh', shape(4), gigabit);
    expect(projectedStepsPerSecond(2, shape(4), gigabit)).toBeCloseTo(1 / seconds, 9);
  });
});
