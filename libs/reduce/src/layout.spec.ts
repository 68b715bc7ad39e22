import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { layoutView, weightLayout } from './layout.js';

const TUTORIAL = { vocabularySize: 66, embedding: 256, units: 1024 };

describe('weightLayout', () => {
  it('has the names and shapes of PyTorch, one after the other', () => {
    expect(weightLayout({ vocabularySize: 5, embedding: 2, units: 3 }).entries).toEqual([
      { name: 'embedding.weight', shape: [5, 2], offset: 0, length: 10 },
      { name: 'gru.weight_ih_l0', shape: [9, 2], offset: 10, length: 18 },
      { name: 'gru.weight_hh_l0', shape: [9, 3], offset: 28, length: 27 },
      { name: 'gru.bias_ih_l0', shape: [9], offset: 55, length: 9 },
      { name: 'gru.bias_hh_l0', shape: [9], offset: 64, length: 9 },
      { name: 'dense.weight', shape: [5, 3], offset: 73, length: 15 },
      { name: 'dense.bias', shape: [5], offset: 88, length: 5 },
    ]);
    expect(weightLayout({ vocabularySize: 5, embedding: 2, units: 3 }).length).toBe(93);
  });

  it('has the 4,022,850 weights of the tutorial', () => {
    expect(weightLayout(TUTORIAL).length).toBe(4_022_850);
  });

  it('has the SHA-256 of names and shapes as digest', () => {
    const tensors = weightLayout(TUTORIAL).entries.map(({ name, shape }) => [name, shape]);
    const expected = createHash('sha256')
      .update(`lockstep weight layout 1\n${JSON.stringify(tensors)}`)
      .digest('hex');
    expect(weightLayout(TUTORIAL).digest).toBe(expected);
  });

  it('has another digest for every other shape', () => {
    const changes = [{}, { vocabularySize: 67 }, { embedding: 128 }, { units: 512 }];
    const digests = changes.map((change) => weightLayout({ ...TUTORIAL, ...change }).digest);
    expect(new Set(digests).size).toBe(changes.length);
  });

  it('allows a single unit', () => {
    // 1 x 1, then 3 x 1 twice, 3 twice, 1 x 1, 1.
    expect(weightLayout({ vocabularySize: 1, embedding: 1, units: 1 }).length).toBe(15);
  });

  it('refuses shapes that are no model', () => {
    for (const size of [0, -1, 1.5, Number.NaN]) {
      expect(() => weightLayout({ ...TUTORIAL, units: size })).toThrow('is not a positive whole number');
    }
  });
});

describe('layoutView', () => {
  const layout = weightLayout({ vocabularySize: 5, embedding: 2, units: 3 });

  it('is a window on the flat vector, and the windows tile it', () => {
    const flat = new Float32Array(layout.length);
    layout.entries.forEach(({ name }, index) => layoutView(layout, flat, name).fill(index + 1));
    const expected = layout.entries.flatMap(({ length }, index) => new Array<number>(length).fill(index + 1));
    expect([...flat]).toEqual(expected);
  });

  it('refuses vectors and names that are not of the layout', () => {
    expect(() => layoutView(layout, new Float32Array(92), 'dense.bias')).toThrow('a vector of 92 does not fit');
    expect(() => layoutView(layout, new Float32Array(93), 'dense.kernel')).toThrow('no weight is called dense.kernel');
  });
});
