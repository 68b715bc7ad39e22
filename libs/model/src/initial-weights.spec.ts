import { layoutView, weightLayout } from '@lockstep/reduce';
import { describe, expect, it } from 'vitest';

import { initialWeights } from './initial-weights.js';

const shape = { vocabularySize: 30, embedding: 40, units: 50 };
const layout = weightLayout(shape);

function tensorOf(init: 'torch' | 'keras', name: string): Float32Array {
  return layoutView(layout, initialWeights(layout, { seed: 3, init }), name);
}

/** Largest size and root mean square. */
function spread(values: Float32Array): { largest: number; deviation: number } {
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { largest, deviation: Math.sqrt(squares / values.length) };
}

describe('initialWeights', () => {
  it.each(['torch', 'keras'] as const)('depends on the seed alone: %s', (init) => {
    const weights = initialWeights(layout, { seed: 1, init });
    expect(initialWeights(layout, { seed: 1, init })).toEqual(weights);
    expect(initialWeights(layout, { seed: 2, init })).not.toEqual(weights);
  });

  it('draws as torch does: a normal embedding, the rest uniform within 1/sqrt(units)', () => {
    const embedding = spread(tensorOf('torch', 'embedding.weight'));
    expect(embedding.deviation).toBeGreaterThan(0.9);
    expect(embedding.deviation).toBeLessThan(1.1);
    expect(embedding.largest).toBeGreaterThan(2.5);
    const limit = 1 / Math.sqrt(50);
    for (const { name } of layout.entries.slice(1)) {
      const { largest } = spread(tensorOf('torch', name));
      expect(largest, name).toBeLessThanOrEqual(Math.fround(limit));
      expect(largest, name).toBeGreaterThan(0.8 * limit);
    }
  });

  it.each([
    ['embedding.weight', 0.05],
    ['gru.weight_ih_l0', Math.sqrt(6 / (40 + 150))],
    ['dense.weight', Math.sqrt(6 / (50 + 30))],
  ])('draws as Keras does: %s within %f', (name, limit) => {
    const { largest, deviation } = spread(tensorOf('keras', name));
    expect(largest).toBeLessThanOrEqual(Math.fround(limit));
    expect(largest).toBeGreaterThan(0.95 * limit);
    expect(deviation / (limit / Math.sqrt(3))).toBeCloseTo(1, 1);
  });

  it('draws as Keras does: zero biases', () => {
    for (const name of ['gru.bias_ih_l0', 'gru.bias_hh_l0', 'dense.bias']) {
      expect(tensorOf('keras', name).every((value) => value === 0), name).toBe(true);
    }
  });

  it('draws as Keras does: the H columns of the whole recurrent matrix [3H,H] are orthonormal', () => {
    const recurrent = tensorOf('keras', 'gru.weight_hh_l0');
    for (let a = 0; a < 50; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let row = 0; row < 150; row++) product += recurrent[row * 50 + a] * recurrent[row * 50 + b];
        expect(product).toBeCloseTo(a === b ? 1 : 0, 6);
      }
    }
  });
});
