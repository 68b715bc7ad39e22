/**
 * Drives a worker's machine: messages and results in, messages and tasks out. The engine is behind the `Compute`
 * port and never blocks this loop.
 */
import { toLockstepError } from '@lockstep/config';
import { decodeCoordinatorMessage, encodeMessage, initialWorkerState, stepWorker } from '@lockstep/protocol';
import type {
  ComputeResult,
  ComputeTask,
  WorkerAction,
  WorkerEvent,
  WorkerOutcome,
  WorkerSettings,
  WorkerState,
} from '@lockstep/protocol';
import type { ClientTransport, Clock, Frames } from './ports.js';

/** The engine's side: tasks are done strictly in the order in which they are submitted. */
export interface Compute {
  /**
   * Result of one task.
   * @throws LockstepError, after which the worker is of no more use
   */
  submit(task: ComputeTask): Promise<ComputeResult>;
}

export interface WorkerPorts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly compute: Compute;
  readonly note: (what: string) => void;
}

const TICK_MS = 250;

export class WorkerLoop {
  readonly #ports: WorkerPorts;
  readonly #events: WorkerEvent[] = [];
  #state: WorkerState;
  #running = false;
  #cancelTick: () => void = () => undefined;
  #finish: (outcome: WorkerOutcome) => void = () => undefined;
  #abort: (error: unknown) => void = () => undefined;

  constructor(ports: WorkerPorts, settings: WorkerSettings) {
    this.#ports = ports;
    this.#state = initialWorkerState(settings, ports.clock.now());
  }

  /**
   * Runs until the coordinator ends it, or it cannot go on; messages that are queued then still have to be flushed.
   */
  async run(): Promise<WorkerOutcome> {
    const ended = new Promise<WorkerOutcome>((resolve, reject) => {
      this.#finish = resolve;
      this.#abort = reject;
    });
    this.#ports.transport.onEvent((event) => {
      if (event.type === 'connected') this.#dispatch({ type: 'connected' });
      else if (event.type === 'message') this.#receive(event.frames);
      else this.#ports.note(`disconnected: ${event.reason}`);
    });
    this.#scheduleTick();
    try {
      return await ended;
    } finally {
      this.#cancelTick();
    }
  }

  requestLeave(): void {
    this.#dispatch({ type: 'leave-requested' });
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#ports.clock.after(TICK_MS, () => {
      this.#dispatch({ type: 'tick' });
      this.#scheduleTick();
    });
  }

  #receive(frames: Frames): void {
    try {
      this.#dispatch({ type: 'message', ...decodeCoordinatorMessage(frames) });
    } catch (error) {
      this.#dispatch({ type: 'malformed', what: toLockstepError(error).message });
    }
  }

  #dispatch(event: WorkerEvent): void {
    this.#events.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, actions } = stepWorker(this.#state, next, this.#ports.clock.now());
        this.#state = state;
        for (const action of actions) this.#perform(action);
      }
    } catch (error) {
      this.#abort(error);
    } finally {
      this.#running = false;
    }
  }

  #perform(action: WorkerAction): void {
    switch (action.type) {
      case 'send':
        this.#ports.transport.send(encodeMessage(action.message, action.payload));
        return;
      case 'compute':
        void this.#compute(action.task);
        return;
      case 'note':
        this.#ports.note(action.what);
        return;
      case 'end':
        this.#finish(action.outcome);
        return;
    }
  }

  async #compute(task: ComputeTask): Promise<void> {
    try {
      const result = await this.#ports.compute.submit(task);
      this.#dispatch({ type: 'computed', result });
    } catch (error) {
      const { kind, message, hint, stack, cause } = toLockstepError(error);
      const origin = cause instanceof Error ? cause.stack : stack;
      this.#dispatch({ type: 'compute-failed', failure: { kind, what: message, hint }, stack: origin ?? '' });
    }
  }
}
