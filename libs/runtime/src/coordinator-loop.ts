/**
 * Drives the coordinator's machine: turns what the transport and the clock bring into events, and carries out the
 * actions. Gradients are summed here as they arrive, and dropped again as soon as the update is sent; the machine
 * above never sees a number of them.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import { decodeWorkerMessage, encodeMessage, initialCoordinatorState, stepCoordinator } from '@lockstep/protocol';
import type {
  CommittedStep,
  CoordinatorAction,
  CoordinatorEvent,
  CoordinatorOutcome,
  CoordinatorSettings,
  CoordinatorState,
  PayloadSource,
  Report,
  WorkerMessage,
} from '@lockstep/protocol';
import { finishGradient, TreeSum } from '@lockstep/reduce';
import type { Clock, Frames, ServerTransport } from './ports.js';
import { copyToFloats, replicaFromSnapshot, viewAsBytes } from './replica.js';
import type { Replica } from './replica.js';

/** Where finished things go. Writes run beside the step loop; the run ends only after all of them have. */
export interface RunStore {
  commit(step: CommittedStep): Promise<void>;
  checkpoint(replica: Replica): Promise<void>;
}

export interface Batches {
  /** Windows of rows [rowStart, rowEnd) of a step's batch, int32 bytes, rows x (sequence length + 1). */
  windows(step: number, rowStart: number, rowEnd: number): Uint8Array;
  /** Windows of one batch of the validation text. */
  evaluation(index: number): Uint8Array;
}

export interface CoordinatorPorts {
  readonly transport: ServerTransport;
  readonly clock: Clock;
  readonly batches: Batches;
  readonly store: RunStore;
  readonly observe: (report: Report) => void;
}

export interface CoordinatorWork {
  readonly settings: CoordinatorSettings;
  readonly initialReplica: Replica;
  /** Float32 values in a gradient. */
  readonly gradientLength: number;
  readonly clipNorm: number | undefined;
}

const TICK_MS = 200;

export class CoordinatorLoop {
  readonly #ports: CoordinatorPorts;
  readonly #work: CoordinatorWork;
  readonly #events: CoordinatorEvent[] = [];
  readonly #writes = new Set<Promise<void>>();
  readonly #ended: Promise<CoordinatorOutcome>;
  #state: CoordinatorState;
  #running = false;
  #sum: TreeSum | undefined;
  #gradient: Uint8Array | undefined;
  #replica: Replica | undefined;
  #storeFailure: LockstepError | undefined;
  #cancelTick: () => void = () => undefined;
  #finish: (outcome: CoordinatorOutcome) => void = () => undefined;
  #abort: (error: LockstepError) => void = () => undefined;

  constructor(ports: CoordinatorPorts, work: CoordinatorWork) {
    this.#ports = ports;
    this.#work = work;
    // From the start: a stop may be asked for before `run` is called.
    this.#ended = new Promise<CoordinatorOutcome>((resolve, reject) => {
      this.#finish = resolve;
      this.#abort = reject;
    });
    this.#replica = work.initialReplica;
    this.#state = initialCoordinatorState(work.settings, ports.clock.now());
  }

  /**
   * Runs to the end and waits for what is still being written.
   * @throws LockstepError `io` when journal or checkpoint could not be written, `internal` for a bug
   */
  async run(): Promise<CoordinatorOutcome> {
    this.#ports.transport.onEvent((event) => {
      if (event.type === 'gone') this.#dispatch(event);
      else this.#receive(event.peer, event.frames);
    });
    this.#scheduleTick();
    try {
      const outcome = await this.#ended;
      while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
      if (this.#storeFailure !== undefined) throw this.#storeFailure;
      return outcome;
    } finally {
      this.#cancelTick();
    }
  }

  /** Finishes the running step, takes a checkpoint, ends. */
  requestStop(): void {
    this.#dispatch({ type: 'stop-requested' });
  }

  /** Tells that the process behind a peer has ended. */
  peerGone(peer: string, reason: string): void {
    this.#dispatch({ type: 'gone', peer, reason });
  }

  get state(): CoordinatorState {
    return this.#state;
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#ports.clock.after(TICK_MS, () => {
      this.#dispatch({ type: 'tick' });
      this.#scheduleTick();
    });
  }

  #receive(peer: string, frames: Frames): void {
    try {
      const { message, payload } = decodeWorkerMessage(frames);
      this.#checkPayload(message, payload);
      this.#dispatch({ type: 'message', peer, message, payload });
    } catch (error) {
      this.#dispatch({ type: 'malformed', peer, what: toLockstepError(error).message });
    }
  }

  /** Vectors of any other length than the model's never get near a sum. */
  #checkPayload(message: WorkerMessage, payload: Frames): void {
    const isSample = message.type === 'sampled';
    if (isSample && (payload[0]?.byteLength ?? 0) % Int32Array.BYTES_PER_ELEMENT === 0) return;
    if (!isSample && message.type !== 'gradient' && message.type !== 'snapshot') return;
    const expected = this.#work.gradientLength * Float32Array.BYTES_PER_ELEMENT;
    const odd = payload.find((frame) => frame.byteLength !== expected);
    if (odd === undefined) return;
    const what = `${message.type} with a vector of ${odd.byteLength} bytes, not ${expected}`;
    throw new LockstepError('protocol', what, 'check that both sides run the same version of lockstep');
  }

  /** Events are worked off one after another: an action that causes an event does not interrupt the others. */
  #dispatch(event: CoordinatorEvent): void {
    this.#events.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, actions } = stepCoordinator(this.#state, next, this.#ports.clock.now());
        this.#state = state;
        for (const action of actions) this.#perform(action);
      }
    } catch (error) {
      this.#abort(toLockstepError(error));
    } finally {
      this.#running = false;
    }
  }

  #perform(action: CoordinatorAction): void {
    const { transport, observe, store } = this.#ports;
    switch (action.type) {
      case 'send':
        transport.send(action.peer, encodeMessage(action.message, this.#payload(action.payload)));
        return;
      case 'send-replica':
        this.#sendReplica(action.peer, action.membership);
        return;
      case 'begin-step':
        this.#sum = new TreeSum(this.#work.settings.shards.length, this.#work.gradientLength);
        return;
      case 'collect':
        this.#sum?.add(action.shard, copyToFloats(action.payload));
        return;
      case 'reduce':
        this.#reduce(action.step, action.characters);
        return;
      case 'hold-replica':
        this.#replica = replicaFromSnapshot(action.snapshot);
        return;
      case 'release-replica':
        this.#replica = undefined;
        return;
      case 'checkpoint':
        this.#write(store.checkpoint(replicaFromSnapshot(action.snapshot)));
        return;
      case 'commit':
        this.#write(store.commit(action.committed));
        return;
      case 'drop':
        transport.drop(action.peer);
        return;
      case 'report':
        observe(action.report);
        return;
      case 'end':
        this.#finish(action.outcome);
        return;
    }
  }

  #payload(source: PayloadSource): Frames {
    const { batches } = this.#ports;
    switch (source.kind) {
      case 'none':
        return [];
      case 'windows':
        return [batches.windows(source.step, source.rowStart, source.rowEnd)];
      case 'evaluation':
        return [batches.evaluation(source.index)];
      case 'gradient':
        return this.#gradient === undefined ? [] : [this.#gradient];
    }
  }

  #reduce(step: number, characters: number): void {
    if (this.#sum === undefined) return;
    const gradient = this.#sum.take();
    this.#sum = undefined;
    const { norm, finite } = finishGradient(gradient, characters, this.#work.clipNorm);
    // Never written to again: the transport may still be sending it when the next step is reduced into another array.
    this.#gradient = viewAsBytes(gradient);
    this.#events.push({ type: 'reduced', step, norm, finite });
  }

  #sendReplica(peer: string, membership: number): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    const { run, term } = this.#work.settings;
    const { step, optimizerSteps, slots } = replica;
    const message = { type: 'replica', run, term, membership, step, optimizerSteps, slots } as const;
    this.#ports.transport.send(peer, encodeMessage(message, replica.vectors.map(viewAsBytes)));
  }

  #write(writing: Promise<void>): void {
    const settled = writing.catch((error: unknown) => {
      this.#storeFailure ??= toLockstepError(error);
      this.requestStop();
    });
    this.#writes.add(settled);
    void settled.finally(() => this.#writes.delete(settled));
  }
}
