import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AdamSpec } from './contract.js';
import { createOptimizer } from './optimizer.js';

const SPEC: AdamSpec = { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** Unit in the last place of a float32 value of this size. */
const ulpOf = (value: number): number => 2 ** (Math.floor(Math.log2(Math.max(Math.abs(value), 2 ** -126))) - 23);

const bitsOf = (vector: Float32Array): number[] => [...new Uint32Array(vector.slice().buffer)];

/** A gradient that no two steps or places share, of mixed size and sign. */
function gradientOf(step: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(step * 12.9898 + i * 78.233) * 10 ** ((i % 7) - 4));
}

/** Algorithm 1 of the paper, word for word, in float64 throughout. */
class ReferenceAdam {
  readonly m: number[];
  readonly v: number[];
  steps = 0;

  constructor(
    readonly spec: AdamSpec,
    readonly weights: number[],
  ) {
    this.m = weights.map(() => 0);
    this.v = weights.map(() => 0);
  }

  apply(gradient: ArrayLike<number>, learningRate: number): void {
    const { beta1, beta2, epsilon } = this.spec;
    this.steps++;
    for (let i = 0; i < this.weights.length; i++) {
      this.m[i] = beta1 * this.m[i] + (1 - beta1) * gradient[i];
      this.v[i] = beta2 * this.v[i] + (1 - beta2) * gradient[i] ** 2;
      const meanCorrected = this.m[i] / (1 - Math.pow(beta1, this.steps));
      const squareCorrected = this.v[i] / (1 - Math.pow(beta2, this.steps));
      this.weights[i] -= (learningRate * meanCorrected) / (Math.sqrt(squareCorrected) + epsilon);
    }
  }
}

describe('adam by hand', () => {
  it('takes three steps of a constant gradient: every step is rate x 2 / (2 + epsilon)', () => {
    const adam = createOptimizer({ name: 'adam', beta1: 0.5, beta2: 0.75, epsilon: 2 }, 1);
    const weights = Float32Array.of(10);
    const seen = [9.5, 9, 8.5].map(() => {
      adam.apply(weights, Float32Array.of(2), 1);
      return [weights[0], adam.slots['m'][0], adam.slots['v'][0]];
    });
    expect(seen).toEqual([
      [9.5, 1, 1],
      [9, 1.5, 1.75],
      [8.5, 1.75, 2.3125],
    ]);
  });

  it('takes three steps of a gradient that turns round', () => {
    const adam = createOptimizer({ name: 'adam', beta1: 0.5, beta2: 0.75, epsilon: 0.5 }, 1);
    const weights = Float32Array.of(1);
    const seen = [4, -2, 8].map((gradient) => {
      adam.apply(weights, Float32Array.of(gradient), 0.1);
      return [weights[0], adam.slots['m'][0], adam.slots['v'][0]];
    });
    // m: 2, then 1 - 1 = 0, then 4. v: 4, then 3 + 1 = 4, then 3 + 16 = 19.
    expect(seen.map(([, m, v]) => [m, v])).toEqual([
      [2, 4],
      [0, 4],
      [4, 19],
    ]);
    // Step 1: m-hat 4, v-hat 16: 1 - 0.1 x 4 / 4.5. Step 2: m-hat 0: no move.
    // Step 3: m-hat 4 / 0.875 = 4.5714286, v-hat 19 / 0.578125 = 32.864865, its root 5.7327886.
    // The move is 0.1 x 4.5714286 / 6.2327886 = 0.07334483.
    expect(seen[0][0]).toBeCloseTo(0.9111111, 6);
    expect(seen[1][0]).toBe(seen[0][0]);
    expect(seen[2][0]).toBeCloseTo(0.8377663, 6);
  });

  it('moves every weight by the learning rate at the first step, whatever the size of its gradient', () => {
    const adam = createOptimizer({ ...SPEC, epsilon: 1e-30 }, 3);
    const weights = new Float32Array(3);
    adam.apply(weights, Float32Array.of(1e-6, -3, 2e5), 0.125);
    weights.forEach((weight, i) => expect(Math.abs(weight - [-0.125, 0.125, -0.125][i])).toBeLessThanOrEqual(2 ** -24));
  });
});

describe('adam against the paper in float64', () => {
  it('follows it for 300 steps as closely as float32 state allows', () => {
    const length = 35;
    const start = gradientOf(0, length).map((value) => value / 1000);
    const lasting = gradientOf(-1, length);
    const weights = start.slice();
    const adam = createOptimizer(SPEC, length);
    const reference = new ReferenceAdam(SPEC, [...start]);
    for (let step = 1; step <= 300; step++) {
      const gradient = gradientOf(step, length).map((value, i) => value + lasting[i]);
      adam.apply(weights, gradient, 0.001);
      reference.apply(gradient, 0.001);
    }
    // Each step may round the weight by half an ulp, and its move of about 0.001 by a part in 10^4 at the very most:
    // m and v keep 1 / (1 - beta) roundings of 2^-24 each, v a thousand of them.
    weights.forEach((weight, i) => {
      const bound = 300 * (ulpOf(reference.weights[i]) / 2 + 0.001 * 1e-4);
      expect(Math.abs(weight - reference.weights[i])).toBeLessThan(bound);
      expect(Math.abs(reference.weights[i] - start[i])).toBeGreaterThan(10 * bound);
    });
  });

  it('is within one rounding of it at every single step from the same state', () => {
    const finite = fc.float({ min: -(2 ** 10), max: 2 ** 10, noNaN: true });
    const positive = fc.float({ min: 0, max: 2 ** 10, noNaN: true });
    const beta = fc.double({ min: 0, max: 0.9999, noNaN: true });
    const vectors = { w: finite, g: finite, m: finite, v: positive };
    const state = fc.record({ ...vectors, beta1: beta, beta2: beta, steps: fc.nat(100) });
    fc.assert(
      fc.property(state, ({ w, g, m, v, beta1, beta2, steps }) => {
        const spec: AdamSpec = { name: 'adam', beta1, beta2, epsilon: 1e-3 };
        const adam = createOptimizer(spec, 1);
        adam.restore(steps, { m: Float32Array.of(m), v: Float32Array.of(v) });
        const weights = Float32Array.of(w);
        adam.apply(weights, Float32Array.of(g), 0.01);
        const reference = new ReferenceAdam(spec, [w]);
        reference.steps = steps;
        reference.m[0] = m;
        reference.v[0] = v;
        reference.apply([g], 0.01);
        expect(Math.abs(adam.slots['m'][0] - reference.m[0])).toBeLessThanOrEqual(ulpOf(reference.m[0]));
        expect(Math.abs(adam.slots['v'][0] - reference.v[0])).toBeLessThanOrEqual(ulpOf(reference.v[0]));
        expect(Math.abs(weights[0] - reference.weights[0])).toBeLessThanOrEqual(ulpOf(reference.weights[0]));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('adam state', () => {
  it('goes on from a restored state with the bits of a run without a stop', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 40 }), (before, after) => {
        const length = 9;
        const weights = gradientOf(-1, length);
        const adam = createOptimizer(SPEC, length);
        for (let step = 0; step < before; step++) adam.apply(weights, gradientOf(step, length), 0.01);
        const resumedWeights = weights.slice();
        const resumed = createOptimizer(SPEC, length);
        resumed.restore(adam.steps, { v: adam.slots['v'].slice(), m: adam.slots['m'].slice() });
        for (let step = before; step < before + after; step++) {
          adam.apply(weights, gradientOf(step, length), 0.01);
          resumed.apply(resumedWeights, gradientOf(step, length), 0.01);
        }
        expect(bitsOf(resumedWeights)).toEqual(bitsOf(weights));
        expect(bitsOf(resumed.slots['m'])).toEqual(bitsOf(adam.slots['m']));
        expect(bitsOf(resumed.slots['v'])).toEqual(bitsOf(adam.slots['v']));
        expect(resumed.steps).toBe(before + after);
      }),
    );
  });

  it('restores the beta powers of a long run to the last bit', () => {
    const adam = createOptimizer(SPEC, 1);
    const weights = Float32Array.of(1);
    for (let step = 0; step < 5000; step++) adam.apply(weights, gradientOf(step, 1), 0.01);
    const resumed = createOptimizer(SPEC, 1);
    resumed.restore(5000, { m: adam.slots['m'], v: adam.slots['v'] });
    const resumedWeights = weights.slice();
    for (const [optimizer, vector] of [
      [adam, weights],
      [resumed, resumedWeights],
    ] as const) {
      optimizer.apply(vector, Float32Array.of(0.5), 1e3);
    }
    expect(bitsOf(resumedWeights)).toEqual(bitsOf(weights));
  });

  it('replaces what it had, and copies: the giver may write to its slots afterwards', () => {
    const adam = createOptimizer(SPEC, 2);
    adam.apply(Float32Array.of(1, 1), Float32Array.of(3, 4), 0.1);
    const given = { m: Float32Array.of(1, 2), v: Float32Array.of(3, 4) };
    adam.restore(9, given);
    given.m.fill(0);
    given.v.fill(0);
    expect([adam.steps, [...adam.slots['m']], [...adam.slots['v']]]).toEqual([9, [1, 2], [3, 4]]);
  });

  const two = (): Float32Array => new Float32Array(2);

  it.each<[string, number, Record<string, Float32Array>, string]>([
    ['no slots', 1, {}, 'slots () instead of (m, v)'],
    ['a missing slot', 1, { m: two() }, 'slots (m) instead of (m, v)'],
    ['a slot too many', 1, { m: two(), v: two(), w: two() }, 'slots (m, v, w)'],
    ['another length', 1, { m: two(), v: new Float32Array(3) }, 'slot v has 3 values instead of 2'],
    ['a negative step', -1, { m: two(), v: two() }, 'a step count of -1'],
    ['half a step', 0.5, { m: two(), v: two() }, 'a step count of 0.5'],
  ])('refuses %s and stays as it was', (_name, steps, slots, message) => {
    const adam = createOptimizer(SPEC, 2);
    adam.apply(Float32Array.of(1, 1), Float32Array.of(3, 4), 0.1);
    const before = [adam.steps, bitsOf(adam.slots['m']), bitsOf(adam.slots['v'])];
    expect(() => adam.restore(steps, slots)).toThrow(message);
    expect(() => adam.restore(steps, slots)).toThrow(expect.objectContaining({ kind: 'data' }));
    expect([adam.steps, bitsOf(adam.slots['m']), bitsOf(adam.slots['v'])]).toEqual(before);
  });
});

describe('adopted weights', () => {
  it.each([3, 100_003])('of %i values get the same bits as those that lie elsewhere', (length) => {
    const elsewhere = gradientOf(0, length);
    const [adam, other] = [createOptimizer(SPEC, length), createOptimizer(SPEC, length)];
    const adopted = adam.adopt(elsewhere);
    for (let step = 1; step <= 3; step++) {
      adam.apply(adopted, gradientOf(step, length), 0.01);
      other.apply(elsewhere, gradientOf(step, length), 0.01);
    }
    expect(Buffer.from(adopted.slice().buffer).equals(Buffer.from(elsewhere.buffer))).toBe(true);
    expect(adopted.buffer === elsewhere.buffer).toBe(false);
  });

  it('are copied, and of the length that the optimizer is for', () => {
    const adam = createOptimizer(SPEC, 2);
    const given = Float32Array.of(1, 2);
    const adopted = adam.adopt(given);
    given.fill(0);
    expect([...adopted]).toEqual([1, 2]);
    expect(() => adam.adopt(new Float32Array(3))).toThrow('3 weights instead of 2');
  });
});

describe('adam at the edges', () => {
  it('leaves weights alone when the gradient was always zero', () => {
    const adam = createOptimizer(SPEC, 6);
    const weights = Float32Array.of(1, -2.5, 0, -0, 2 ** -149, 3e38);
    const before = bitsOf(weights);
    for (let step = 0; step < 3; step++) adam.apply(weights, new Float32Array(6), 1);
    expect(bitsOf(weights)).toEqual(before);
    expect(adam.steps).toBe(3);
  });

  it('only reads the gradient', () => {
    const gradient = gradientOf(1, 5);
    createOptimizer(SPEC, 5).apply(new Float32Array(5), gradient, 0.1);
    expect(bitsOf(gradient)).toEqual(bitsOf(gradientOf(1, 5)));
  });

  it('treats every place alike, wherever it lies in the vector', () => {
    const together = gradientOf(0, 11);
    const adam = createOptimizer(SPEC, 11);
    const alone = Array.from(together, (weight) => Float32Array.of(weight));
    const adams = alone.map(() => createOptimizer(SPEC, 1));
    for (let step = 1; step <= 5; step++) {
      const gradient = gradientOf(step, 11);
      adam.apply(together, gradient, 0.01);
      adams.forEach((single, i) => single.apply(alone[i], gradient.slice(i, i + 1), 0.01));
    }
    expect(bitsOf(together)).toEqual(alone.flatMap(bitsOf));
  });

  it('refuses vectors of another length and settings outside their range', () => {
    const adam = createOptimizer(SPEC, 2);
    const [one, two, three] = [1, 2, 3].map((length) => new Float32Array(length));
    expect(() => adam.apply(three, two, 1)).toThrow('3 weights instead of 2');
    expect(() => adam.apply(two, one, 1)).toThrow('a gradient of 1 values instead of 2');
    expect(adam.steps).toBe(0);
    for (const beta of [1, -0.1, Number.NaN]) {
      expect(() => createOptimizer({ ...SPEC, beta1: beta }, 1)).toThrow('not in [0, 1)');
      expect(() => createOptimizer({ ...SPEC, beta2: beta }, 1)).toThrow('not in [0, 1)');
    }
    for (const epsilon of [0, -1, Number.NaN]) {
      expect(() => createOptimizer({ ...SPEC, epsilon }, 1)).toThrow('is not positive');
    }
  });
});
