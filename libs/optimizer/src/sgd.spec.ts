import { describe, expect, it } from 'vitest';
import { createOptimizer } from './optimizer.js';

describe('sgd', () => {
  it('subtracts learning rate times gradient', () => {
    const sgd = createOptimizer({ name: 'sgd' }, 3);
    const weights = Float32Array.of(1, 2, -3);
    sgd.apply(weights, Float32Array.of(2, -4, 0), 0.25);
    expect([...weights]).toEqual([0.5, 3, -3]);
    sgd.apply(weights, Float32Array.of(2, 0, 1), 0.5);
    expect([...weights]).toEqual([-0.5, 3, -3.5]);
    expect(sgd.steps).toBe(2);
  });

  it('adopts weights', () => {
    const sgd = createOptimizer({ name: 'sgd' }, 2);
    const weights = sgd.adopt(Float32Array.of(1, 2));
    sgd.apply(weights, Float32Array.of(2, -4), 0.25);
    expect([...weights]).toEqual([0.5, 3]);
  });

  it('has no state but the step count', () => {
    const sgd = createOptimizer({ name: 'sgd' }, 1);
    expect(sgd.slots).toEqual({});
    sgd.restore(7, {});
    expect(sgd.steps).toBe(7);
  });

  it('refuses state of another optimizer and vectors of another length', () => {
    const sgd = createOptimizer({ name: 'sgd' }, 2);
    expect(() => sgd.restore(1, { m: new Float32Array(2) })).toThrow(expect.objectContaining({ kind: 'data' }));
    expect(() => sgd.apply(new Float32Array(3), new Float32Array(2), 1)).toThrow('3 weights instead of 2');
    expect(() => sgd.apply(new Float32Array(2), new Float32Array(1), 1)).toThrow('a gradient of 1 values instead of 2');
    expect(sgd.steps).toBe(0);
  });
});
