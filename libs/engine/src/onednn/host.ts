/** Tensors of tfjs's CPU backend: arrays in this process's memory, which oneDNN reads and writes where they are. */

import { invariant } from '@lockstep/config';
import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

/** The name under which the backend and its kernels are registered. */
export const ONEDNN = 'onednn';

/** What one call of a kernel is given and makes. */
export class HostCall {
  readonly #inputs: NamedTensorInfoMap;
  readonly #backend: MathBackendCPU;

  /** @param backend as tfjs hands it to a kernel */
  constructor(inputs: NamedTensorInfoMap, backend: unknown) {
    this.#inputs = inputs;
    this.#backend = backend as MathBackendCPU;
  }

  info(name: string): TensorInfo {
    const found = this.#inputs[name];
    invariant(found !== undefined, `the kernel needs the input ${name}`);
    return found;
  }

  shape(name: string): readonly number[] {
    return this.info(name).shape;
  }

  /** The array itself: not to be written. */
  values(name: string): Float32Array {
    const { values } = this.#backend.data.get(this.info(name).dataId);
    invariant(values instanceof Float32Array, `the input ${name} is float32`);
    return values;
  }

  /** A tensor over the array, which becomes the backend's. */
  make(shape: readonly number[], values: Float32Array): TensorInfo {
    return this.#backend.makeTensorInfo([...shape], 'float32', values);
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Zeros outside the garbage collector's heap, however few they are: it never moves them. */
export function floats(length: number): Float32Array {
  return new Float32Array(new ArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}
