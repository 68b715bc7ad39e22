/** The compute side with a log: which task failed, and, where somebody wants to know, how long each took. */
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import type { Compute } from '@lockstep/runtime';
import type { LogPlace, WorkerLog } from './worker-log.js';

export class LoggedCompute implements Compute {
  readonly #compute: Compute;
  readonly #log: WorkerLog;

  constructor(compute: Compute, log: WorkerLog) {
    this.#compute = compute;
    this.#log = log;
  }

  async submit(task: ComputeTask, room: Uint8Array | null): Promise<ComputeResult> {
    const beganMs = performance.now();
    try {
      const result = await this.#compute.submit(task, room);
      if (this.#log.isDetailed) {
        this.#log.detail(`${task.type} done after ${(performance.now() - beganMs).toFixed(2)} ms`, placeOf(task));
      }
      return result;
    } catch (thrown) {
      this.#log.failure(thrown, placeOf(task));
      throw thrown;
    }
  }
}

function placeOf(task: ComputeTask): LogPlace {
  switch (task.type) {
    case 'gradient':
      return { step: task.assign.step, shard: task.assign.shard };
    case 'apply':
      return { step: task.update.step };
    case 'prepare':
    case 'load':
    case 'snapshot':
    case 'evaluate':
    case 'sample':
      return {};
  }
}
