/**
 * The words of this library. An engine is what runs tensor maths: `onednn` (native kernels around tfjs's own CPU
 * backend), `tensorflow` (native libtensorflow behind the kernels of tfjs-node) or `wasm` (the embedded one, from npm
 * alone). An engine is first found, without loading anything, and then loaded once in the one thread that computes.
 */

import type { EngineName } from '@lockstep/config';
import type * as tfjs from '@tensorflow/tfjs-core';

/** `auto` takes the first that is installed and passes its self-check; the others insist. */
export type EngineChoice = 'auto' | EngineName;

/** The device a process computes on. A GPU request is met or refused, never answered with the CPU. */
export type DeviceRequest = { readonly kind: 'cpu' } | { readonly kind: 'gpu'; readonly index: number };

/** Why something cannot be had, and what the reader can do about it; one line each. */
export interface EngineProblem {
  readonly reason: string;
  readonly advice: string;
}

export interface TensorflowFound {
  readonly name: 'tensorflow';
  /** `cache`: built by `installEngine`; `stock`: a working install of tfjs-node or tfjs-node-gpu. */
  readonly source: 'cache' | 'stock';
  /** TensorFlow's version, as its install says. */
  readonly version: string;
  /** Built with CUDA. Such a build computes on the CPU too. */
  readonly gpu: boolean;
  readonly folder: string;
  /** The addon, an absolute path. */
  readonly binding: string;
  /** Folder of the tfjs-node package whose JavaScript holds the kernels. */
  readonly kernels: string;
}

export interface OneDnnFound {
  readonly name: 'onednn';
  readonly source: 'cache';
  /** oneDNN's version, as its install says. */
  readonly version: string;
  readonly gpu: false;
  readonly folder: string;
  /** The shared library, an absolute path. */
  readonly library: string;
}

export interface WasmFound {
  readonly name: 'wasm';
  readonly source: 'npm';
  /** Version of the tfjs wasm backend. */
  readonly version: string;
  readonly gpu: false;
  readonly folder: string;
  /** Set when `auto` came here because tensorflow cannot be had. */
  readonly passedOver?: EngineProblem;
}

/** An engine that can be loaded. Plain data: may be sent to a worker thread or printed. */
export type EngineFound = OneDnnFound | TensorflowFound | WasmFound;

/** A loaded engine. tfjs is a global: a loaded engine is its current backend until another one is loaded. */
export interface Engine {
  readonly name: EngineName;
  /** Version of oneDNN, of TensorFlow, or of the tfjs wasm backend. */
  readonly version: string;
  /** What computes, for people: `onednn 3.2.0 (AVX-512), fused lbr_gru`. */
  readonly label: string;
  readonly device: { readonly kind: 'cpu' | 'gpu'; readonly name: string };
  /** Threads that one operation may use. */
  readonly threads: number;
  /** Equal bytes are promised between processes with an equal class, and only between those. */
  readonly computeClass: string;
  readonly tf: typeof tfjs;
  /** Copies a float32 tensor to where it is wanted; absent where reading it with tfjs costs no more. */
  readonly copyOut?: (tensor: tfjs.Tensor, into: Float32Array) => void;
  /** Tensors alive in the backend now; flat from step to step, or something leaks. */
  handleCount(): number;
}
