/**
 * Loading the embedded engine: WebAssembly with 128-bit SIMD, one thread (tfjs has no wasm threads in Node). It comes
 * with npm and needs nothing else. WebAssembly fixes the result of every float operation, so its bits do not depend
 * on the processor's instruction set; its matrix library does choose its kernels by processor family, so that one is
 * named in the class.
 */

import type { EventEmitter } from 'node:events';
import { join, sep } from 'node:path';

import { invariant } from '@lockstep/config';

import type { Engine, WasmFound } from './engine.js';
import { instructionSet } from './instruction-set.js';

/** Loads the wasm engine and makes it tfjs's current backend. */
export async function loadWasm(found: WasmFound): Promise<Engine> {
  const tf = await import('@tensorflow/tfjs-core');
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(found.folder, 'dist') + sep);
  await withoutNewListeners(async () => {
    invariant(await tf.setBackend('wasm'), 'the wasm backend starts');
    await tf.ready();
  });
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  invariant(simd === true, 'every supported Node has WebAssembly SIMD');
  return {
    name: 'wasm',
    version: found.version,
    label: `wasm ${found.version} (128-bit SIMD), GRU of tfjs operations`,
    device: { kind: 'cpu', name: instructionSet().model },
    threads: 1,
    computeClass: `wasm-${found.version}-simd ${process.arch}`,
    tf,
    handleCount: () => tf.memory().numTensors,
  };
}

/**
 * Emscripten's start-up code takes over `uncaughtException` and `unhandledRejection` of the whole process; those
 * belong to the app, which turns them into an exit code.
 */
async function withoutNewListeners(work: () => Promise<void>): Promise<void> {
  const emitter: EventEmitter = process;
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => ({ event, kept: emitter.listeners(event) }));
  await work();
  for (const { event, kept } of before) {
    for (const listener of emitter.rawListeners(event)) {
      if (!kept.includes(listener)) emitter.off(event, listener as () => void);
    }
  }
}
