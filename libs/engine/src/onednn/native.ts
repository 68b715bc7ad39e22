/**
 * The shared library's functions as JavaScript ones. Two things about it are not in its documentation:
 *
 * - its AVX-512 code for the backward pass does not survive a signal that is handled on its thread (seen with
 *   version 3.2 as a damaged heap), so signals are held back for as long as a primitive runs;
 * - its threads may still be running its code when a process ends, so it is never unloaded.
 */

import { createRequire } from 'node:module';

import type koffiModule from 'koffi';

import { LockstepError, invariant } from '@lockstep/config';

import { OPEN_MP, OPEN_MP_ADVICE } from '../tools.js';

/** A pointer to something that oneDNN owns. */
export type Handle = { readonly handle: unique symbol };

/** One of the arguments that a primitive is run with: oneDNN's number for it, and its memory. */
export interface Argument {
  readonly arg: number;
  readonly memory: Handle;
}

type Call = (...args: unknown[]) => unknown;

const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;
const SIG_SETMASK = 2;
const MADV_HUGEPAGE = 14;
const PAGE = 4096n;
/** sigset_t of glibc and musl. */
const SIGNAL_SET_BYTES = 128;

const POINTER = 'void *';
const OUT = '_Out_ void **';
const SIZES = 'int64_t *';

const repeated = (type: string, count: number): readonly string[] => new Array<string>(count).fill(type);

/** Those that return a status. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  engine_create: [OUT, 'int', 'size_t'],
  stream_create: [OUT, POINTER, 'uint'],
  stream_wait: [POINTER],
  memory_desc_create_with_strides: [OUT, 'int', SIZES, 'int', SIZES],
  memory_desc_create_with_tag: [OUT, 'int', SIZES, 'int', 'int'],
  memory_create: [OUT, POINTER, POINTER, POINTER],
  memory_set_data_handle: [POINTER, POINTER],
  primitive_attr_create: [OUT],
  primitive_attr_set_scratchpad_mode: [POINTER, 'int'],
  lbr_gru_forward_primitive_desc_create: [OUT, POINTER, 'int', 'int', ...repeated(POINTER, 7), 'uint', POINTER],
  lbr_gru_backward_primitive_desc_create: [
    ...[OUT, POINTER, 'int', 'int', ...repeated(POINTER, 14)],
    ...['uint', POINTER, POINTER],
  ],
  reorder_primitive_desc_create: [OUT, ...repeated(POINTER, 5)],
  primitive_create: [OUT, POINTER],
  memory_desc_destroy: [POINTER],
  memory_destroy: [POINTER],
  primitive_desc_destroy: [POINTER],
  primitive_destroy: [POINTER],
  sgemm: [
    ...['char', 'char', ...repeated('int64_t', 3), 'float'],
    ...[POINTER, 'int64_t', POINTER, 'int64_t', 'float', POINTER, 'int64_t'],
  ],
};

export class NativeOneDnn {
  /** Such as 3.2.0. */
  readonly version: string;
  /** oneDNN's number for the instructions that it uses here, of which each bit is a set. */
  readonly instructionSet: number;
  readonly #calls = new Map<string, Call>();
  readonly #run: Call;
  readonly #sizeOf: Call;
  readonly #query: Call;
  readonly #withoutSignals: (work: () => void) => void;
  readonly #advise: Call;
  /** Of the first byte. */
  readonly addressOf: (memory: ArrayBuffer | Float32Array) => bigint;

  /**
   * @param path of libdnnl.so.3
   * @throws LockstepError `unavailable` when it does not load
   */
  constructor(path: string) {
    const koffi = createRequire(import.meta.url)('koffi') as typeof koffiModule;
    const system = koffi.load(null);
    try {
      const library = koffi.load(path);
      const dlopen = system.func('void *dlopen(const char *, int)') as Call;
      invariant(dlopen(path, RTLD_NOW | RTLD_NODELETE) !== null, 'a library that is loaded loads again');
      for (const [name, types] of Object.entries(SIGNATURES)) {
        this.#calls.set(name, library.func(`dnnl_${name}`, 'int', [...types]) as Call);
      }
      const list = koffi.pointer(koffi.struct({ arg: 'int', memory: POINTER }));
      this.#run = library.func('dnnl_primitive_execute', 'int', [POINTER, POINTER, 'int', list]) as Call;
      this.#sizeOf = library.func('dnnl_memory_desc_get_size', 'size_t', [POINTER]) as Call;
      this.#query = library.func('dnnl_primitive_desc_query_md', POINTER, [POINTER, 'int', 'int']) as Call;
      const numbers = koffi.struct({ major: 'int', minor: 'int', patch: 'int' });
      const version = library.func('dnnl_version', koffi.pointer(numbers), []) as Call;
      const { major, minor, patch } = koffi.decode(version(), numbers) as Record<string, number>;
      this.version = `${major}.${minor}.${patch}`;
      this.instructionSet = Number((library.func('dnnl_get_effective_cpu_isa', 'int', []) as Call)());
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const install = message.includes(OPEN_MP) ? OPEN_MP_ADVICE : 'run `lockstep engine install` again';
      const hint = `${install}, or choose another engine`;
      throw new LockstepError('unavailable', `${path} does not load: ${message}`, hint, { cause });
    }
    this.#advise = system.func('int madvise(uintptr_t, size_t, int)') as Call;
    this.addressOf = (memory) => koffi.address(memory);
    const mask = system.func('int pthread_sigmask(int, const void *, void *)') as Call;
    const everything = new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES)).fill(0xff);
    const before = new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES));
    this.#withoutSignals = (work) => {
      invariant(mask(SIG_SETMASK, everything, before) === 0, 'pthread_sigmask blocks');
      try {
        work();
      } finally {
        mask(SIG_SETMASK, before, null);
      }
    };
  }

  /** Calls a function whose first argument takes what it makes. */
  create(name: string, ...args: readonly unknown[]): Handle {
    const made: [Handle | null] = [null];
    this.call(name, made, ...args);
    invariant(made[0] !== null, `dnnl_${name} makes something`);
    return made[0];
  }

  /** Calls a function that gives a status. */
  call(name: string, ...args: readonly unknown[]): void {
    this.#withoutSignals(() => demand(name, this.#calls.get(name)?.(...args)));
  }

  /** Runs a primitive to its end. */
  run(primitive: Handle, stream: Handle, args: readonly Argument[]): void {
    this.#withoutSignals(() => {
      demand('primitive_execute', this.#run(primitive, stream, args.length, args));
      demand('stream_wait', this.#calls.get('stream_wait')?.(stream));
    });
  }

  /** Asks for huge pages behind a large array; where there are none it stays as it is. */
  advise(array: Float32Array): void {
    const from = this.addressOf(array);
    const first = (from + PAGE - 1n) & -PAGE;
    const length = ((from + BigInt(array.byteLength)) & -PAGE) - first;
    if (length > 0n) this.#advise(first, length, MADV_HUGEPAGE);
  }

  /** Bytes of a tensor. */
  sizeOf(desc: Handle): number {
    return Number(this.#sizeOf(desc));
  }

  /** A descriptor that belongs to the primitive's. */
  query(primitiveDesc: Handle, what: number, index: number): Handle {
    return this.#query(primitiveDesc, what, index) as Handle;
  }
}

function demand(name: string, status: unknown): void {
  invariant(status === 0, `dnnl_${name} gives ${String(status)}`);
}
