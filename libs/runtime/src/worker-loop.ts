/**
 * Drives a worker's machine: messages and results in, messages and tasks out. The engine is behind the `Compute`
 * port and never blocks this loop.
 */
import { LIMITS, toLockstepError } from '@lockstep/config';
import { decodeCoordinatorMessage, encodeMessage, initialWorkerState, stepWorker, withLog } from '@lockstep/protocol';
import type {
  ComputeResult,
  ComputeTask,
  CoordinatorMessage,
  Digest,
  Times,
  Vitals,
  WorkerAction,
  WorkerEvent,
  WorkerMessage,
  WorkerOutcome,
  WorkerSettings,
  WorkerState,
} from '@lockstep/protocol';
import { GradientExchange } from './gradient-exchange.js';
import type { PeerLinkMaker } from './peer-links.js';
import type { ClientEvent, ClientTransport, Clock, Frames, SharedMemory } from './ports.js';

/** The engine's side: tasks are done strictly in the order in which they are submitted. */
export interface Compute {
  /**
   * Result of one task.
   * @param room where a gradient may be written, to be the payload of the result; null where it makes no difference
   * @throws LockstepError, after which the worker is of no more use
   */
  submit(task: ComputeTask, room: Uint8Array | null): Promise<ComputeResult>;
}

/** The way to other workers. */
export interface MeshPorts {
  readonly maker: PeerLinkMaker;
  /** Name of this worker, as others know it. */
  readonly self: string;
  /** Null where memory cannot be shared. */
  readonly shared: SharedMemory | null;
  /** Values in a block of squares; only tests take another number than the usual. */
  readonly blockLength?: number;
}

export interface WorkerPorts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly compute: Compute;
  readonly digest: Digest;
  readonly note: (what: string) => void;
  /** The newest lines of what this worker has logged, for the coordinator when it fails. */
  readonly lastLines?: () => readonly string[];
  /** Null for a worker that reaches no others. */
  readonly mesh: MeshPorts | null;
  /** Called at named places of a worker's life, for tests that hurt it there. */
  readonly faultPoint?: ((point: string, about: { step?: number; shard?: number }) => void) | undefined;
  /** How this process fares, to be told with each heartbeat. */
  readonly vitals?: (() => Vitals) | undefined;
  /** Told what comes and what is answered. */
  readonly watch?: WorkerWatch | undefined;
}

export interface WorkerWatch {
  received(message: CoordinatorMessage): void;
  said(message: WorkerMessage, times: Times | undefined): void;
}

const TICK_MS = 250;

export class WorkerLoop {
  readonly #ports: WorkerPorts;
  readonly #events: WorkerEvent[] = [];
  #state: WorkerState;
  #running = false;
  /** The loop has ended: what still comes while queues are flushed is too late. */
  #isOver = false;
  readonly #exchange: GradientExchange | undefined;
  /** When the compute side was done with the last task, and when the last exchange began. */
  #idleSinceMs = 0;
  #exchangeBegunMs = 0;
  /** Of the task whose answer is being given. */
  #times: Times | undefined;
  /** A gradient that was given to the transport, until the next event. */
  #handedOver: { step: number; shard: number } | undefined;
  #cancelTick: () => void = () => undefined;
  #finish: (outcome: WorkerOutcome) => void = () => undefined;
  #abort: (error: unknown) => void = () => undefined;

  constructor(ports: WorkerPorts, settings: WorkerSettings) {
    this.#ports = ports;
    this.#state = initialWorkerState(settings, ports.clock.now());
    if (ports.mesh === null) return;
    const dispatch = (event: WorkerEvent): void => this.#dispatch(event);
    const { clock, digest } = ports;
    this.#exchange = new GradientExchange({ clock, digest, dispatch, ...ports.mesh });
  }

  /**
   * Runs until the coordinator ends it, or it cannot go on; messages that are queued then still have to be flushed.
   */
  async run(): Promise<WorkerOutcome> {
    const ended = new Promise<WorkerOutcome>((resolve, reject) => {
      this.#finish = resolve;
      this.#abort = reject;
    });
    this.#ports.transport.onEvent((event) => this.#dispatch(this.#read(event)));
    this.#scheduleTick();
    try {
      return await ended;
    } finally {
      this.#isOver = true;
      this.#cancelTick();
      await this.#exchange?.close(LIMITS.lingerMs);
    }
  }

  /** Asks the coordinator to let this worker go; asked a second time, it goes at once. */
  requestLeave(): void {
    this.#ports.faultPoint?.('W12', {});
    this.#dispatch({ type: 'leave-requested' });
  }

  /** Says that the coordinator may be there again: a worker that has none looks at once instead of after its pause. */
  nudge(): void {
    if (this.#state.phase === 'away') this.#ports.transport.reconnect('told to look for the coordinator again');
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#ports.clock.after(TICK_MS, () => {
      this.#dispatch({ type: 'tick' });
      this.#scheduleTick();
    });
  }

  #read(event: ClientEvent): WorkerEvent {
    this.#passHandedOver();
    if (event.type === 'connected') this.#ports.faultPoint?.('W1', {});
    return event.type === 'message' ? this.#decode(event.frames) : event;
  }

  #decode(frames: Frames): WorkerEvent {
    const letter = decodeCoordinatorMessage(this.#ports.digest, frames);
    if ('problem' in letter) return { type: 'unreadable', ...letter };
    const { message, stamp, payload } = letter;
    this.#ports.watch?.received(message);
    this.#passReceived(message);
    // The parts of a replica wait for each other, and received memory is the transport's.
    const kept = message.type === 'replica' ? payload.map((part) => part.slice()) : payload;
    return { type: 'message', message, stamp, payload: kept };
  }

  #passReceived(message: CoordinatorMessage): void {
    const pass = this.#ports.faultPoint;
    if (pass === undefined) return;
    if (message.type === 'replica' && message.part === 0) pass('W3', { step: message.step });
    else if (message.type === 'assign') pass('W5', { step: message.step, shard: message.shard });
    else if (message.type === 'update') pass('W10', { step: message.step });
    else if (message.type === 'snapshot-request') pass('W11', { step: message.step });
  }

  #passSent(message: WorkerMessage): void {
    const pass = this.#ports.faultPoint;
    if (pass === undefined) return;
    if (message.type === 'hello') pass('W2', {});
    else if (message.type === 'ready') pass('W4', { step: message.replica?.step ?? 0 });
    else if (message.type === 'exchanged') pass('W14', { step: message.step });
    else if (message.type === 'gradient' || message.type === 'shipped') {
      this.#handedOver = { step: message.step, shard: message.shard };
      pass('W8', this.#handedOver);
    }
  }

  #dispatch(event: WorkerEvent): void {
    this.#events.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      this.#passHandedOver();
      for (let next = this.#events.shift(); next !== undefined && !this.#isOver; next = this.#events.shift()) {
        const { state, actions } = stepWorker(this.#state, next, this.#ports.clock.now());
        this.#state = state;
        for (const action of actions) this.#perform(action);
      }
    } catch (error) {
      this.#isOver = true;
      this.#sayBug(error);
      this.#abort(error);
    } finally {
      this.#running = false;
    }
  }

  /** A bug of ours: the coordinator should hear of it, as far as anything works yet. */
  #sayBug(error: unknown): void {
    try {
      const { actions } = stepWorker(this.#state, failureOf(error), this.#ports.clock.now());
      for (const action of actions) if (action.type === 'send') this.#send(action);
    } catch {
      // What is thrown already says more.
    }
  }

  #passHandedOver(): void {
    const about = this.#handedOver;
    this.#handedOver = undefined;
    if (about !== undefined) this.#ports.faultPoint?.('W9', about);
  }

  #perform(action: WorkerAction): void {
    const { transport, note } = this.#ports;
    switch (action.type) {
      case 'send':
        this.#send(action);
        return;
      case 'compute':
        void this.#compute(action.conversation, action.task);
        return;
      case 'exchange':
        this.#exchangeBegunMs = this.#ports.clock.now();
        this.#exchange?.begin(action);
        this.#ports.faultPoint?.('W13', { step: action.plan.step });
        return;
      case 'exchange-over':
        this.#exchange?.end();
        return;
      case 'reconnect':
        transport.reconnect(action.reason);
        return;
      case 'note':
        note(action.what);
        return;
      case 'end':
        this.#isOver = true;
        this.#finish(action.outcome);
        return;
    }
  }

  #send({ message, stamp, payload }: Extract<WorkerAction, { type: 'send' }>): void {
    const { transport, digest, lastLines = () => [] } = this.#ports;
    const whole = withLog(message, lastLines);
    const times = this.#timesOf(message);
    const vitals = message.type === 'heartbeat' ? this.#ports.vitals?.() : undefined;
    transport.send(encodeMessage(digest, whole, stamp, payload, undefined, { times, vitals }));
    this.#ports.watch?.said(message, times);
    this.#passSent(message);
  }

  async #compute(conversation: number, task: ComputeTask): Promise<void> {
    try {
      if (task.type === 'prepare' && task.mesh) await this.#listen();
      const askedMs = this.#ports.clock.now();
      const isHeld = task.type === 'gradient' && !task.assign.ship;
      const room = isHeld ? (this.#exchange?.roomFor(task.assign.step) ?? null) : null;
      const result = await this.#ports.compute.submit(task, room);
      this.#times = this.#timesSince(askedMs);
      if (task.type === 'apply' && task.update.exchange !== null) this.#exchange?.recycle(task.payload);
      this.#dispatch({ type: 'computed', conversation, result });
      this.#times = undefined;
    } catch (error) {
      this.#dispatch(failureOf(error));
    }
  }

  /** Tasks are done one after another: one that was asked for while another went on has waited for its end. */
  #timesSince(askedMs: number): Times {
    const doneMs = this.#ports.clock.now();
    const begunMs = Math.max(askedMs, this.#idleSinceMs);
    this.#idleSinceMs = doneMs;
    return { waitedMs: inMicroseconds(begunMs - askedMs), workedMs: inMicroseconds(doneMs - begunMs) };
  }

  #timesOf(message: WorkerMessage): Times | undefined {
    if (message.type === 'heartbeat') return undefined;
    if (message.type === 'shipped') return { waitedMs: 0, workedMs: 0 };
    if (message.type !== 'exchanged') return this.#times;
    return { waitedMs: 0, workedMs: inMicroseconds(this.#ports.clock.now() - this.#exchangeBegunMs) };
  }

  /** A worker that others cannot reach is of use all the same: it ships its gradients. */
  async #listen(): Promise<void> {
    let endpoint: string | null = null;
    try {
      endpoint = (await this.#exchange?.listen()) ?? null;
    } catch (error) {
      this.#ports.note(`other workers cannot reach this one: ${toLockstepError(error).message}`);
    }
    this.#dispatch({ type: 'listening', endpoint, sharing: this.#ports.mesh?.shared?.host ?? null });
  }
}

function failureOf(error: unknown): Extract<WorkerEvent, { type: 'compute-failed' }> {
  const { kind, message, hint, stack, cause } = toLockstepError(error);
  const origin = cause instanceof Error ? cause.stack : stack;
  return { type: 'compute-failed', failure: { kind, what: message, hint }, stack: origin ?? '' };
}

/** Milliseconds with as many places as mean anything. */
function inMicroseconds(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
