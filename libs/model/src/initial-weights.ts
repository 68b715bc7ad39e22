/**
 * Weights before the first step, drawn on the host from the seed alone, so that every worker, on every engine, starts
 * from the same bits. Each tensor has its own random stream: a change of one draws no other differently.
 */
import { randomStream } from '@lockstep/data';
import type { RandomStream } from '@lockstep/data';
import { layoutView } from '@lockstep/reduce';
import type { WeightEntry, WeightLayout } from '@lockstep/reduce';

import { orthonormalVectors } from './orthogonal.js';
import { modelShape } from './weights.js';

export interface InitialWeightsOptions {
  readonly seed: number;
  /**
   * `torch`: embedding normal(0, 1), everything else uniform within 1/sqrt(units), biases included. `keras`:
   * embedding uniform within 0.05, input and dense weights Glorot uniform, recurrent weights orthogonal, biases zero.
   */
  readonly init: 'torch' | 'keras';
}

/** Fills one tensor. */
type Fill = (values: Float32Array, random: RandomStream) => void;

/** @returns a flat vector in layout order */
export function initialWeights(layout: WeightLayout, options: InitialWeightsOptions): Float32Array {
  const weights = new Float32Array(layout.length);
  const fillOf = options.init === 'torch' ? torchFill : kerasFill;
  const { units } = modelShape(layout);
  for (const entry of layout.entries) {
    const random = randomStream(options.seed, 'initial weights', entry.name);
    fillOf(entry, units)(layoutView(layout, weights, entry.name), random);
  }
  return weights;
}

function torchFill({ name }: WeightEntry, units: number): Fill {
  if (name === 'embedding.weight') {
    return (values, random) => {
      for (let i = 0; i < values.length; i++) values[i] = random.normal();
    };
  }
  return uniform(1 / Math.sqrt(units));
}

/**
 * Keras draws its GRU matrices whole, inputs by 3H: the Glorot limit counts all 3H outputs, and it is the 3H columns
 * together whose H rows are orthonormal. Its gates come in the order z, r, n and ours in r, z, n; the gates of a
 * random matrix are exchangeable, so the first third drawn is simply r here.
 */
function kerasFill({ name, shape }: WeightEntry, units: number): Fill {
  if (name === 'embedding.weight') return uniform(0.05);
  if (name === 'gru.weight_hh_l0') return (values, random) => fillOrthogonal(values, units, random);
  if (shape.length === 1) return () => undefined;
  return uniform(Math.sqrt(6 / (shape[0] + shape[1])));
}

function uniform(limit: number): Fill {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = (2 * random.uniform() - 1) * limit;
  };
}

/** Keras's recurrent matrix [H,3H] has orthonormal rows; ours [3H,H] is its transpose. */
function fillOrthogonal(values: Float32Array, units: number, random: RandomStream): void {
  const vectors = orthonormalVectors(units, 3 * units, random);
  for (let row = 0; row < 3 * units; row++) {
    for (let column = 0; column < units; column++) {
      values[row * units + column] = vectors[column][row];
    }
  }
}
