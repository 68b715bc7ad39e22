/**
 * tfjs's own CPU backend with results that are used again. An array goes back to the pool with its tensor, but only
 * while nobody but our kernels has seen it: whoever reads a tensor gets the array itself, and tfjs's kernels make
 * tensors that share it (a slice, say).
 */

import { invariant } from '@lockstep/config';
import type { DataId, KernelConfig, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

import type { ArrayPool } from './pool.js';

/** The name under which the backend and its kernels are registered. */
export const ONEDNN = 'onednn';

export class OneDnnBackend extends MathBackendCPU {
  readonly pool: ArrayPool;
  readonly #lent = new Map<DataId, Float32Array>();

  constructor(pool: ArrayPool) {
    super();
    this.pool = pool;
    // Otherwise it recommends another engine, once, on the terminal.
    Object.assign(this, { firstUse: false });
  }

  /** A tensor over an array from the pool, which goes back there with it. */
  lend(shape: readonly number[], values: Float32Array): TensorInfo {
    const info = this.makeTensorInfo([...shape], 'float32', values);
    this.#lent.set(info.dataId, values);
    return info;
  }

  /** Its array stays what it is for as long as anybody has it. */
  keep(dataId: DataId): void {
    this.#lent.delete(dataId);
  }

  /** Shows nobody the array itself, which so can be used again. */
  copyOut(dataId: DataId, into: Float32Array): void {
    const { values } = this.data.get(dataId);
    invariant(values instanceof Float32Array, 'what is copied out is float32');
    into.set(values);
  }

  override readSync(dataId: DataId): ReturnType<MathBackendCPU['readSync']> {
    this.keep(dataId);
    return super.readSync(dataId);
  }

  override read(dataId: DataId): ReturnType<MathBackendCPU['read']> {
    this.keep(dataId);
    return super.read(dataId);
  }

  override disposeData(dataId: DataId, force?: boolean): boolean {
    const isGone = super.disposeData(dataId, force);
    const values = this.#lent.get(dataId);
    if (isGone && values !== undefined) {
      this.#lent.delete(dataId);
      this.pool.giveBack(values);
    }
    return isGone;
  }
}

/** Kernels of tfjs whose results share no array with what they were given, but by counting references. */
const COPYING = new Set(['Reshape', 'Identity', 'Cast']);

/** A kernel of tfjs's CPU backend on this one. */
export function borrowed(kernel: KernelConfig): KernelConfig {
  if (COPYING.has(kernel.kernelName)) return { ...kernel, backendName: ONEDNN };
  return {
    ...kernel,
    backendName: ONEDNN,
    kernelFunc: (params) => {
      const { backend } = params;
      invariant(backend instanceof OneDnnBackend, 'kernels of onednn run on its backend');
      for (const input of Object.values(params.inputs)) if (input !== undefined) backend.keep(input.dataId);
      return kernel.kernelFunc(params);
    },
  };
}

/** What one call of a kernel is given and makes. */
export class HostCall {
  readonly #inputs: NamedTensorInfoMap;
  readonly #backend: OneDnnBackend;

  /** @param backend as tfjs hands it to a kernel */
  constructor(inputs: NamedTensorInfoMap, backend: unknown) {
    invariant(backend instanceof OneDnnBackend, 'kernels of onednn run on its backend');
    this.#inputs = inputs;
    this.#backend = backend;
  }

  /** @throws our own bug: the kernel was called without it */
  input(name: string): TensorInfo {
    const found = this.#inputs[name];
    invariant(found !== undefined, `the kernel needs the input ${name}`);
    return found;
  }

  shape(name: string): readonly number[] {
    return this.input(name).shape;
  }

  /** The array itself: not to be written. */
  values(name: string): Float32Array {
    const { values } = this.#backend.data.get(this.input(name).dataId);
    invariant(values instanceof Float32Array, `the input ${name} is float32`);
    return values;
  }

  /** An array for a result: its content is whatever it was. */
  array(length: number): Float32Array {
    return this.#backend.pool.take(length);
  }

  /** A tensor over an array from `array`. */
  make(shape: readonly number[], values: Float32Array): TensorInfo {
    return this.#backend.lend(shape, values);
  }

  /** One more tensor over the same data. */
  again({ dataId, shape, dtype }: TensorInfo): TensorInfo {
    this.#backend.incRef(dataId);
    return { dataId, shape, dtype };
  }

  /** Gives back what is no result after all. */
  drop(info: TensorInfo): void {
    this.#backend.disposeIntermediateTensorInfo(info);
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
