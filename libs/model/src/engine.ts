/**
 * What this library needs of an engine: tfjs itself and the name of its current backend. `@lockstep/engine` makes
 * them; taking only this much keeps the maths apart from how a backend is found and loaded.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

export type Tfjs = typeof tfjs;

/** tfjs backends that the kernels of this library are written for. */
export type BackendName = 'tensorflow' | 'wasm' | 'cpu' | 'onednn';

export interface ModelEngine {
  readonly name: BackendName;
  readonly tf: Tfjs;
  /** Copies a float32 tensor to where it is wanted; absent where reading it with tfjs costs no more. */
  readonly copyOut?: (tensor: Tensor, into: Float32Array) => void;
}

/** The shape of a tensor as a plain list, whatever its rank is declared to be. */
export function sizes(tensor: Tensor): number[] {
  return tensor.shape;
}
