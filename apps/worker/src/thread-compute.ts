/**
 * The `Compute` port over a worker thread, started when the configuration is known: the engine reads its thread
 * count only once, from the environment.
 */
import { invariant, LockstepError, parseRunConfig, toLockstepError } from '@lockstep/config';
import { engineEnvironment } from '@lockstep/engine';
import type { DeviceRequest } from '@lockstep/engine';
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import type { Compute } from '@lockstep/runtime';
import { referenceTo } from '@lockstep/transport';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { fromPortable } from './compute-protocol.js';
import type { ComputeReply, ComputeRequest, ComputeThreadData } from './compute-protocol.js';

/** Loading the engine from a cold disk; then the thread is ended all the same. */
const CLOSE_DEADLINE_MS = 10_000;
const LOOK_AGAIN_MS = 10;

interface Waiting {
  readonly resolve: (result: ComputeResult) => void;
  readonly reject: (error: unknown) => void;
  readonly room: Uint8Array | null;
}

export class ThreadCompute implements Compute {
  readonly #gpuIndex: number;
  readonly #worker: string;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  /** Why the thread is gone; nothing will ever be answered after that. */
  #end: LockstepError | undefined;
  #nextId = 0;

  /**
   * @param gpuIndex the card to use, should the run ask for GPUs
   * @param worker name of the worker
   */
  constructor(gpuIndex: number, worker: string) {
    this.#gpuIndex = gpuIndex;
    this.#worker = worker;
  }

  submit(task: ComputeTask, room: Uint8Array | null): Promise<ComputeResult> {
    return new Promise((resolve, reject) => {
      if (task.type === 'prepare') this.#thread ??= this.#start(task.config);
      if (this.#thread === undefined) throw new LockstepError('internal', 'a task came before the configuration', '');
      if (this.#end !== undefined) throw this.#end;
      const id = this.#nextId;
      this.#nextId += 1;
      this.#waiting.set(id, { resolve, reject, room });
      const [request, moved] = toMove(task, room);
      this.#thread.postMessage({ id, ...request } satisfies ComputeRequest, moved);
    });
  }

  /** Ends the thread, after what it is doing: TensorFlow crashes when it is ended while it loads. */
  async close(): Promise<void> {
    const deadline = performance.now() + CLOSE_DEADLINE_MS;
    while (this.#waiting.size > 0 && performance.now() < deadline) await delay(LOOK_AGAIN_MS);
    await this.#thread?.terminate();
  }

  #start(value: unknown): Worker {
    const config = parseRunConfig(value, "the coordinator's welcome");
    const device: DeviceRequest = config.device === 'gpu' ? { kind: 'gpu', index: this.#gpuIndex } : { kind: 'cpu' };
    Object.assign(process.env, engineEnvironment({ threads: config.threads, device }));
    const thread = new Worker(new URL('./compute-thread.js', import.meta.url), {
      workerData: { device, worker: this.#worker } satisfies ComputeThreadData,
    });
    thread.on('message', (reply: ComputeReply) => this.#settle(reply));
    thread.on('error', (error) => this.#failAll(toLockstepError(error)));
    thread.on('exit', () => {
      this.#failAll(new LockstepError('internal', 'the compute thread has ended', 'see the log of the worker'));
    });
    return thread;
  }

  #settle(reply: ComputeReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(fromPortable(reply.error));
    else waiting?.resolve(reply.inMemory ? inRoom(reply.result, waiting.room) : reply.result);
  }

  /** The first cause stands: an error is followed by the end of the thread. */
  #failAll(error: LockstepError): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

type Request = Pick<ComputeRequest, 'task' | 'memory'>;

/** A mean in shared memory is told by its address; one of our own is posted, as a copy, for it may be a part. */
function toMove(task: ComputeTask, room: Uint8Array | null): [Request, ArrayBuffer[]] {
  if (task.type !== 'apply') return [{ task, memory: room === null ? null : referenceTo(room) }, []];
  const memory = referenceTo(task.payload);
  if (memory !== null) return [{ task: { ...task, payload: new Uint8Array() }, memory }, []];
  const payload = new Uint8Array(task.payload);
  return [{ task: { ...task, payload }, memory }, [payload.buffer]];
}

function inRoom(result: ComputeResult, room: Uint8Array | null): ComputeResult {
  invariant('payload' in result && room !== null, 'an answer in memory that was not given');
  return { ...result, payload: room };
}
