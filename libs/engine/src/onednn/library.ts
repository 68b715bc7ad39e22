/**
 * What lockstep uses of oneDNN: float32 tensors, the two passes of a GRU, reorders and a matrix product. What a
 * memory object points at must be alive and in its place while a primitive runs: the caller keeps it, and it is
 * the start of an ArrayBuffer of its own or large, which the garbage collector never moves.
 */

import { NativeOneDnn } from './native.js';
import type { Argument, Handle } from './native.js';

/** Kinds of a forward pass, by oneDNN's numbers: with a workspace for the backward pass, or without. */
export const FORWARD = { training: 64, inference: 96 } as const;

const BACKWARD = 128;
const CPU = 1;
const DEFAULT_FLAGS = 1;
const FLOAT32 = 3;
const QUERY_EXEC_ARG = 255;
const FORMAT_ANY = 1;
const LEFT_TO_RIGHT = 1;
const OWN_SCRATCHPAD = 1;

/** oneDNN's numbers of instruction sets for float32, the later ones parts of the earlier. */
const INSTRUCTION_SETS = [
  [0x27, 'AVX-512'],
  [0x7, 'AVX2'],
  [0x3, 'AVX'],
] as const;

export class OneDnn {
  readonly version: string;
  /** The instructions that it uses here: `AVX-512`. */
  readonly instructionSet: string;
  readonly #native: NativeOneDnn;
  readonly #engine: Handle;
  readonly #stream: Handle;
  /** Attributes of a primitive whose scratchpad is the caller's: otherwise it is allocated anew at each run. */
  readonly #attributes: Handle;

  /** @throws LockstepError `unavailable` when the library does not load */
  constructor(path: string) {
    this.#native = new NativeOneDnn(path);
    this.version = this.#native.version;
    const [, name = 'SSE 4.1'] = INSTRUCTION_SETS.find(([bits]) => (this.#native.instructionSet & bits) === bits) ?? [];
    this.instructionSet = name;
    this.#engine = this.#native.create('engine_create', CPU, 0);
    this.#stream = this.#native.create('stream_create', this.#engine, DEFAULT_FLAGS);
    this.#attributes = this.#native.create('primitive_attr_create');
    this.#native.call('primitive_attr_set_scratchpad_mode', this.#attributes, OWN_SCRATCHPAD);
  }

  /** A float32 tensor with these strides, counted in values. */
  strided(dims: readonly number[], strides: readonly number[]): Handle {
    const sizes = [dims.length, [...dims], FLOAT32, [...strides]];
    return this.#native.create('memory_desc_create_with_strides', ...sizes);
  }

  /** A float32 tensor whose last index runs fastest. */
  plain(...dims: readonly number[]): Handle {
    const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, size) => product * size, 1));
    return this.strided(dims, strides);
  }

  /** A float32 tensor in whatever order the primitive likes best. */
  free(...dims: readonly number[]): Handle {
    return this.#native.create('memory_desc_create_with_tag', dims.length, [...dims], FLOAT32, FORMAT_ANY);
  }

  /** Length in float32 values, padding included. */
  lengthOf(desc: Handle): number {
    return this.#native.sizeOf(desc) / Float32Array.BYTES_PER_ELEMENT;
  }

  memory(desc: Handle, data: Float32Array): Handle {
    return this.#native.create('memory_create', desc, this.#engine, data);
  }

  point(memory: Handle, data: Float32Array): void {
    this.#native.call('memory_set_data_handle', memory, data);
  }

  gruForward(kind: (typeof FORWARD)[keyof typeof FORWARD], descs: readonly Handle[]): Handle {
    const args = [this.#engine, kind, LEFT_TO_RIGHT, ...descs, 0, this.#attributes];
    return this.#native.create('lbr_gru_forward_primitive_desc_create', ...args);
  }

  gruBackward(descs: readonly Handle[], forward: Handle): Handle {
    const args = [this.#engine, BACKWARD, LEFT_TO_RIGHT, ...descs, 0, forward, this.#attributes];
    return this.#native.create('lbr_gru_backward_primitive_desc_create', ...args);
  }

  reorder(from: Handle, to: Handle): Handle {
    return this.#native.create('reorder_primitive_desc_create', from, this.#engine, to, this.#engine, null);
  }

  /** The form that a primitive wants of one of its arguments. */
  wanted(primitiveDesc: Handle, argument: number): Handle {
    return this.#native.query(primitiveDesc, QUERY_EXEC_ARG, argument);
  }

  primitive(primitiveDesc: Handle): Handle {
    return this.#native.create('primitive_create', primitiveDesc);
  }

  /** Runs to the end. */
  run(primitive: Handle, args: readonly Argument[]): void {
    this.#native.run(primitive, this.#stream, args);
  }

  /** c [M,N] = a [M,K] b [K,N], row after row; a or b may be stored transposed. */
  product(
    { rows, inner, columns }: { readonly rows: number; readonly inner: number; readonly columns: number },
    a: Float32Array,
    isATransposed: boolean,
    b: Float32Array,
    isBTransposed: boolean,
    c: Float32Array,
  ): void {
    const letter = (isTransposed: boolean): number => (isTransposed ? 'T' : 'N').charCodeAt(0);
    const [strideA, strideB] = [isATransposed ? rows : inner, isBTransposed ? inner : columns];
    const sizes = [letter(isATransposed), letter(isBTransposed), rows, columns, inner, 1];
    this.#native.call('sgemm', ...sizes, a, strideA, b, strideB, 0, c, columns);
  }
}
