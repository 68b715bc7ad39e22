/**
 * Both passes of a GRU of fixed sizes. Outside gates are [reset, update, new], weights [3H,K] and biases two vectors;
 * oneDNN has another order of gates, and packs the weights once a pass instead of once a step: that is what makes it
 * fast.
 */

import { invariant } from '@lockstep/config';

import { createGruPrimitives } from './gru-primitives.js';
import type { GruPrimitives, GruSizes } from './gru-primitives.js';
import type { OneDnn } from './library.js';
import type { Handle } from './native.js';
import type { ArrayPool } from './pool.js';

export interface PlanWeights {
  /** [3H,K] */
  readonly weightIh: Float32Array;
  /** [3H,H] */
  readonly weightHh: Float32Array;
}

export interface PlanBiases {
  /** [3H] */
  readonly biasIh: Float32Array;
  /** [3H] */
  readonly biasHh: Float32Array;
}

export interface PlanArrays {
  /** [T,B,K] */
  readonly x: Float32Array;
  /** [B,H] */
  readonly state: Float32Array;
  /** [T,B,H]; written by the forward pass */
  readonly hidden: Float32Array;
  /** as long as `workspaceLength`; written by the forward pass */
  readonly workspace: Float32Array;
}

/** Written by the backward pass, in the shapes of what they are gradients of. */
export interface PlanGradients {
  readonly dx: Float32Array;
  readonly dstate: Float32Array;
  readonly dweightIh: Float32Array;
  readonly dweightHh: Float32Array;
  readonly dbiasIh: Float32Array;
  readonly dbiasHh: Float32Array;
}

export class GruPlan {
  readonly workspaceLength: number;
  /** Frees what oneDNN holds for it; it cannot be used afterwards. */
  readonly free: () => void;
  readonly #dnn: OneDnn;
  readonly #pool: ArrayPool;
  readonly #units: number;
  readonly #primitives: GruPrimitives;
  /** oneDNN has only their addresses. */
  readonly #alive = new Set<Float32Array>();
  /** The forward pass whose weights are still in place, known by its workspace. */
  #latest: Float32Array | undefined;

  constructor(dnn: OneDnn, pool: ArrayPool, sizes: GruSizes) {
    const { result, free } = dnn.noting(() => createGruPrimitives(dnn, pool, sizes));
    this.#dnn = dnn;
    this.#pool = pool;
    this.#units = sizes.units;
    this.#primitives = result;
    this.free = free;
    this.workspaceLength = result.workspaceLength;
  }

  forward(weights: PlanWeights & PlanBiases, arrays: PlanArrays): void {
    const { forward } = this.#primitives;
    this.#takeWeights(weights);
    this.#takeBiases(weights);
    this.#latest = arrays.workspace;
    forward.pack();
    this.#run(forward, { ...arrays });
  }

  /** @param arrays what `forward` was given and wrote, with the gradient of `hidden` */
  backward(weights: PlanWeights, arrays: PlanArrays & { readonly dhidden: Float32Array }, d: PlanGradients): void {
    const { backward, dweights, dbias } = this.#primitives;
    if (this.#latest !== arrays.workspace) this.#takeWeights(weights);
    this.#latest = undefined;
    backward.pack();
    this.#run(backward, { ...arrays, dx: d.dx, dstate: d.dstate });
    swap(dweights.ih.data, d.dweightIh);
    swap(dweights.hh.data, d.dweightHh);
    const units = this.#units;
    swap(dbias.data.subarray(0, 3 * units), d.dbiasIh);
    d.dbiasHh.set(d.dbiasIh);
    d.dbiasHh.set(dbias.data.subarray(3 * units), 2 * units);
  }

  #run(pass: GruPrimitives['forward'], arrays: Readonly<Record<string, Float32Array>>): void {
    const memories: Readonly<Record<string, Handle>> = this.#primitives.moving;
    const scratchpad = this.#pool.take(pass.scratchpadLength);
    for (const array of [scratchpad, ...Object.values(arrays)]) this.#alive.add(inPlace(array));
    for (const [name, array] of Object.entries(arrays)) {
      const memory = memories[name];
      invariant(memory !== undefined, `a GRU has a memory for ${name}`);
      this.#dnn.point(memory, array);
    }
    this.#dnn.point(pass.scratchpad, scratchpad);
    pass.run();
    this.#alive.clear();
    this.#pool.giveBack(scratchpad);
  }

  #takeWeights({ weightIh, weightHh }: PlanWeights): void {
    swap(weightIh, this.#primitives.weights.ih.data);
    swap(weightHh, this.#primitives.weights.hh.data);
  }

  #takeBiases({ biasIh, biasHh }: PlanBiases): void {
    const units = this.#units;
    const { data } = this.#primitives.bias;
    for (let unit = 0; unit < units; unit++) {
      const [reset, update, fresh] = [unit, unit + units, unit + 2 * units];
      data[unit] = biasIh[update] + biasHh[update];
      data[update] = biasIh[reset] + biasHh[reset];
      data[fresh] = biasIh[fresh];
      data[unit + 3 * units] = biasHh[fresh];
    }
  }
}

/** V8 keeps short arrays in its own heap, where they move; asked for their buffer, it puts them elsewhere for good. */
function inPlace(array: Float32Array): Float32Array {
  invariant(array.buffer.byteLength >= array.byteLength, 'an array lies in its buffer');
  return array;
}

/** Copies three blocks of equal length, the first two of them swapped. */
function swap(from: Float32Array, to: Float32Array): void {
  const length = from.length / 3;
  to.set(from.subarray(0, length), length);
  to.set(from.subarray(length, 2 * length), 0);
  to.set(from.subarray(2 * length), 2 * length);
}
