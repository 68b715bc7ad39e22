/**
 * What lockstep uses of oneDNN: float32 tensors, the two passes of a GRU, reorders and a matrix product. What a
 * memory object points at must be alive and in its place while a primitive runs: the caller keeps it, and it is
 * the start of an ArrayBuffer of its own or large, which the garbage collector never moves.
 */

import { NativeOneDnn } from './native.js';
import type { Argument, Handle } from './native.js';

/** Kinds of a pass, by oneDNN's numbers; this forward one fills a workspace for the backward one. */
const FORWARD = 64;
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

/** Something of oneDNN's, and the function that frees it. */
interface Made {
  readonly destroy: string;
  readonly handle: Handle;
}

export class OneDnn {
  readonly version: string;
  /** The instructions that it uses here: `AVX-512`. */
  readonly instructionSet: string;
  readonly #native: NativeOneDnn;
  readonly #engine: Handle;
  readonly #stream: Handle;
  /** Attributes of a primitive whose scratchpad is the caller's: otherwise it is allocated anew at each run. */
  readonly #attributes: Handle;
  #made: Made[] | undefined;

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

  /** Notes all that `work` makes, to be freed together. */
  noting<T>(work: () => T): { readonly result: T; readonly free: () => void } {
    const made: Made[] = [];
    this.#made = made;
    const free = (): void => {
      for (const { destroy, handle } of made.splice(0).reverse()) this.#native.call(destroy, handle);
    };
    try {
      return { result: work(), free };
    } finally {
      this.#made = undefined;
    }
  }

  /** Asks for huge pages behind a fresh array. */
  advise(array: Float32Array): void {
    this.#native.advise(array);
  }

  addressOf(buffer: ArrayBuffer): bigint {
    return this.#native.addressOf(buffer);
  }

  /** A float32 tensor with these strides, counted in values. */
  strided(dims: readonly number[], strides: readonly number[]): Handle {
    const sizes = [dims.length, [...dims], FLOAT32, [...strides]];
    return this.#make('memory_desc', 'memory_desc_create_with_strides', ...sizes);
  }

  /** A float32 tensor whose last index runs fastest. */
  plain(...dims: readonly number[]): Handle {
    const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, size) => product * size, 1));
    return this.strided(dims, strides);
  }

  /** A float32 tensor in whatever order the primitive likes best. */
  free(...dims: readonly number[]): Handle {
    return this.#make('memory_desc', 'memory_desc_create_with_tag', dims.length, [...dims], FLOAT32, FORMAT_ANY);
  }

  /** Length in float32 values, padding included. */
  lengthOf(desc: Handle): number {
    return this.#native.sizeOf(desc) / Float32Array.BYTES_PER_ELEMENT;
  }

  memory(desc: Handle, data: Float32Array): Handle {
    return this.#make('memory', 'memory_create', desc, this.#engine, data);
  }

  /** Memory that is given its array later. */
  empty(desc: Handle): Handle {
    return this.#make('memory', 'memory_create', desc, this.#engine, null);
  }

  point(memory: Handle, data: Float32Array): void {
    this.#native.call('memory_set_data_handle', memory, data);
  }

  gruForward(descs: readonly Handle[]): Handle {
    const args = [this.#engine, FORWARD, LEFT_TO_RIGHT, ...descs, 0, this.#attributes];
    return this.#make('primitive_desc', 'lbr_gru_forward_primitive_desc_create', ...args);
  }

  gruBackward(descs: readonly Handle[], forward: Handle): Handle {
    const args = [this.#engine, BACKWARD, LEFT_TO_RIGHT, ...descs, 0, forward, this.#attributes];
    return this.#make('primitive_desc', 'lbr_gru_backward_primitive_desc_create', ...args);
  }

  reorder(from: Handle, to: Handle): Handle {
    const args = [from, this.#engine, to, this.#engine, null];
    return this.#make('primitive_desc', 'reorder_primitive_desc_create', ...args);
  }

  /** The form that a primitive wants of one of its arguments. */
  wanted(primitiveDesc: Handle, argument: number): Handle {
    return this.#native.query(primitiveDesc, QUERY_EXEC_ARG, argument);
  }

  primitive(primitiveDesc: Handle): Handle {
    return this.#make('primitive', 'primitive_create', primitiveDesc);
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

  #make(kind: 'memory' | 'memory_desc' | 'primitive' | 'primitive_desc', name: string, ...args: unknown[]): Handle {
    const handle = this.#native.create(name, ...args);
    this.#made?.push({ destroy: `${kind}_destroy`, handle });
    return handle;
  }
}
