/**
 * The only thread of a worker that loads the engine. tfjs-node blocks whatever thread it computes in, so it gets
 * one of its own and the main thread stays free for heartbeats. Tasks are done in the order in which they come.
 */
import { invariant } from '@lockstep/config';
import { dereference } from '@lockstep/transport';
import { parentPort, workerData } from 'node:worker_threads';
import { toPortable, transferables } from './compute-protocol.js';
import type { ComputeReply, ComputeRequest, ComputeThreadData } from './compute-protocol.js';
import { ComputeService } from './compute-service.js';
import { openFaultPoints } from './fault-points.js';

const port = parentPort;
invariant(port !== null, 'the compute thread is started by a worker');
const { device, worker } = workerData as ComputeThreadData;
const service = new ComputeService(device, openFaultPoints(process.env, worker));
let queue: Promise<void> = Promise.resolve();

async function perform({ id, task, memory }: ComputeRequest): Promise<void> {
  try {
    const bytes = memory === null ? null : dereference(memory);
    const isPayload = bytes !== null && task.type === 'apply';
    const result = await service.perform(isPayload ? { ...task, payload: bytes } : task, bytes);
    const inMemory = 'payload' in result && result.payload.buffer === bytes?.buffer;
    const reply = inMemory ? { ...result, payload: new Uint8Array() } : result;
    port?.postMessage({ id, result: reply, inMemory } satisfies ComputeReply, inMemory ? [] : transferables(result));
  } catch (thrown) {
    port?.postMessage({ id, error: toPortable(thrown) } satisfies ComputeReply);
  }
}

port.on('message', (request: ComputeRequest) => {
  queue = queue.then(() => perform(request));
});
