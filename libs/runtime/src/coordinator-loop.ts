/**
 * Drives the coordinator's machine: turns what the transport, the clock and the store bring into events, and carries
 * out the actions. Gradients are summed here as they are accepted, and dropped again as soon as the update is sent; the
 * machine above never sees a number of them.
 */
import { invariant, toLockstepError } from '@lockstep/config';
import type { LockstepError } from '@lockstep/config';
import { decodeWorkerMessage, initialCoordinatorState, stepCoordinator } from '@lockstep/protocol';
import type {
  Command,
  CoordinatorAction,
  CoordinatorEvent,
  CoordinatorOutcome,
  CoordinatorSettings,
  CoordinatorState,
  Digest,
  Report,
  WorkerMessage,
} from '@lockstep/protocol';
import { finishGradient, TreeSum, unpackWire, wireValueBytes } from '@lockstep/reduce';
import { allFinite } from '@lockstep/vector';
import { Commands } from './commands.js';
import type { CommandReply } from './commands.js';
import { Payloads } from './payloads.js';
import type { Batches } from './payloads.js';
import type { Clock, Frames, RunStore, ServerTransport } from './ports.js';
import { lengthOf } from './probe.js';
import type { Probe } from './probe.js';
import { replicaFromParts, viewAsBytes, viewAsFloats } from './replica.js';
import type { Replica } from './replica.js';

export interface CoordinatorPorts {
  readonly transport: ServerTransport;
  readonly clock: Clock;
  readonly batches: Batches;
  readonly store: RunStore;
  /** `digestOf` of @lockstep/reduce. */
  readonly digest: Digest;
  readonly observe: (report: Report) => void;
  /** Told what is done and when; without it no time is taken. */
  readonly probe?: Probe | undefined;
  /** Where tests let faults strike; the points are listed with their implementation in apps/worker. */
  readonly faultPoint?: ((point: string, about: { step?: number; shard?: number }) => void) | undefined;
}

export interface CoordinatorWork {
  readonly settings: CoordinatorSettings;
  /** The first weights; null when the run goes on from what workers or the store hold. */
  readonly initialReplica: Replica | null;
}

const TICK_MS = 200;

export class CoordinatorLoop {
  readonly #ports: CoordinatorPorts;
  readonly #work: CoordinatorWork;
  readonly #payloads: Payloads;
  readonly #commands: Commands;
  readonly #events: CoordinatorEvent[] = [];
  readonly #writes = new Set<Promise<void>>();
  readonly #ended: Promise<CoordinatorOutcome>;
  #state: CoordinatorState;
  #running = false;
  #sum: TreeSum | undefined;
  /** Vectors that sums have left: memory that is allocated anew for each gradient is given back too late. */
  #spare: Float32Array[] = [];
  #storeFailure: LockstepError | undefined;
  #cancelTick: () => void = () => undefined;
  #finish: (outcome: CoordinatorOutcome) => void = () => undefined;
  #abort: (error: LockstepError) => void = () => undefined;

  constructor(ports: CoordinatorPorts, work: CoordinatorWork) {
    this.#ports = ports;
    this.#work = work;
    this.#payloads = new Payloads(ports.batches, ports.digest);
    if (work.initialReplica !== null) this.#payloads.hold(work.initialReplica);
    this.#commands = new Commands((id, command) => this.#dispatch({ type: 'command', id, command }));
    // From the start: a stop may be asked for before `run` is called.
    this.#ended = new Promise<CoordinatorOutcome>((resolve, reject) => {
      this.#finish = resolve;
      this.#abort = reject;
    });
    this.#state = initialCoordinatorState(work.settings, ports.clock.now());
  }

  /**
   * Runs to the end and waits for what is still being written.
   * @throws LockstepError `io` when journal or checkpoint could not be written, `locked` when another coordinator has
   * taken over, `internal` for a bug
   */
  async run(): Promise<CoordinatorOutcome> {
    this.#ports.transport.onEvent((event) => {
      if (event.type === 'gone') this.#dispatch({ ...event, certain: false });
      else this.#receive(event.peer, event.frames);
    });
    this.#scheduleTick();
    // A coordinator that takes over looks for weights at once, not at the first tick.
    this.#dispatch({ type: 'tick' });
    try {
      const outcome = await this.#ended;
      this.#ports.store.finish();
      while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
      if (this.#storeFailure !== undefined) throw this.#storeFailure;
      return outcome;
    } finally {
      this.#cancelTick();
      this.#commands.close();
    }
  }

  /** Finishes the running step, takes a checkpoint, ends. */
  requestStop(): void {
    this.#dispatch({ type: 'stop-requested' });
  }

  /** Ends the run as failed, for a reason outside it. */
  abandon({ kind, message, hint }: LockstepError): void {
    this.#dispatch({ type: 'abandoned', failure: { kind, what: message, hint } });
  }

  /** Tells that the process behind a peer has ended. */
  peerGone(peer: string, reason: string): void {
    this.#dispatch({ type: 'gone', peer, reason, certain: true });
  }

  /** Asks something of the run; answered when it is in force, or when the run has ended. */
  command(command: Command): Promise<CommandReply> {
    return this.#commands.ask(command);
  }

  get state(): CoordinatorState {
    return this.#state;
  }

  /** Vectors of the step's sum that are kept: gradients of shards, and sums of some. */
  get sumsHeld(): number {
    return this.#sum?.held ?? 0;
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#ports.clock.after(TICK_MS, () => {
      this.#dispatch({ type: 'tick' });
      this.#scheduleTick();
    });
  }

  #receive(peer: string, frames: Frames): void {
    const letter = decodeWorkerMessage(this.#ports.digest, frames);
    if ('problem' in letter) {
      this.#dispatch({ type: 'unreadable', peer, ...letter });
      return;
    }
    const wrong = this.#wrongSize(letter.message, letter.payload);
    if (wrong !== null) {
      this.#dispatch({ type: 'unreadable', peer, problem: 'damaged', what: wrong });
      return;
    }
    const { message, stamp, payloadDigests } = letter;
    const isShipped = bringsGradient(message);
    // Copied once, here: what is received may be memory of the transport, and a gradient is kept until it is judged.
    const vector = isShipped ? this.#copied(letter.payload[0] ?? new Uint8Array()) : null;
    const payload = vector === null ? letter.payload : [viewAsBytes(vector)];
    const finite = vector === null || allFinite(vector);
    const { probe, clock } = this.#ports;
    const { times, vitals } = letter;
    probe?.({ type: 'received', peer, message, times, vitals, bytes: lengthOf(frames), atMs: clock.now() });
    this.#dispatch({ type: 'message', peer, message, stamp, payload, payloadDigests, finite });
  }

  #copied(gradient: Uint8Array): Float32Array {
    const { gradientLength, wire } = this.#work.settings;
    const vector = this.#spare.pop() ?? new Float32Array(gradientLength);
    unpackWire(gradient, wire, vector);
    return vector;
  }

  /** Vectors of any other length than the model's never get near a sum. */
  #wrongSize(message: WorkerMessage, payload: Frames): string | null {
    const lengthBytes = payload[0]?.byteLength ?? 0;
    if (message.type === 'sampled') {
      return lengthBytes % Int32Array.BYTES_PER_ELEMENT === 0 ? null : `a sample of ${lengthBytes} bytes`;
    }
    if (!bringsGradient(message)) return null;
    const { gradientLength, wire } = this.#work.settings;
    const expected = gradientLength * wireValueBytes(wire);
    return lengthBytes === expected ? null : `a gradient of ${lengthBytes} bytes, not ${expected}`;
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
    const { transport, observe, store, probe, clock } = this.#ports;
    switch (action.type) {
      case 'send':
        this.#send(action);
        return;
      case 'begin-step':
        this.#payloads.forgetGradient();
        // The last step was not summed here, or not to its end.
        if (this.#sum !== undefined) this.#spare = [];
        this.#sum = new TreeSum(action.shards, this.#work.settings.gradientLength);
        probe?.({ type: 'step-begun', step: action.step, shards: action.shards, atMs: clock.now() });
        return;
      case 'collect':
        this.#collect(action);
        return;
      case 'reduce':
        this.#reduce(action.step, action.characters);
        return;
      case 'hold-replica':
        this.#payloads.hold(replicaFromParts(action.replica, action.replica.parts));
        return;
      case 'release-replica':
        this.#payloads.release();
        return;
      case 'checkpoint':
        this.#write(this.#checkpoint(replicaFromParts(action.replica, action.replica.parts)));
        return;
      case 'restore':
        this.#write(this.#restore());
        return;
      case 'commit':
        this.#write(this.#commit(action));
        return;
      case 'journal-plan':
        this.#write(store.plan(action.plan).then(() => this.#dispatch({ type: 'plan-journalled', plan: action.plan })));
        return;
      case 'drop':
        transport.drop(action.peer);
        return;
      case 'reply':
        this.#commands.answer(action.id, { ok: action.ok, text: action.text });
        return;
      case 'report':
        observe(action.report);
        probe?.({ type: 'reported', report: action.report, atMs: clock.now() });
        return;
      case 'end':
        this.#pass('C8', {});
        this.#finish(action.outcome);
        return;
    }
  }

  #send(action: Extract<CoordinatorAction, { type: 'send' }>): void {
    const { transport, probe, clock } = this.#ports;
    const { peer, message } = action;
    const beganMs = probe === undefined ? 0 : clock.now();
    const frames = this.#payloads.encode(action);
    transport.send(peer, frames);
    this.#passSent(message);
    probe?.({ type: 'sent', peer, message, bytes: lengthOf(frames), beganMs, endedMs: clock.now() });
  }

  #collect(action: Extract<CoordinatorAction, { type: 'collect' }>): void {
    const { probe, clock } = this.#ports;
    const { step, shard, payload } = action;
    this.#pass('C3', action);
    const beganMs = probe === undefined ? 0 : clock.now();
    const spare = this.#sum?.add(shard, viewAsFloats(payload)) ?? [];
    this.#spare.push(...spare);
    probe?.({ type: 'collected', step, shard, bytes: payload.byteLength, beganMs, endedMs: clock.now() });
  }

  #passSent(message: { readonly type: string; readonly step?: unknown }): void {
    if (message.type === 'welcome') this.#pass('C1', {});
    if (message.type === 'assign') this.#pass('C2', { step: this.#state.step });
    if (message.type === 'exchange') this.#pass('C9', { step: this.#state.step });
  }

  #pass(point: string, about: { readonly step?: number; readonly shard?: number }): void {
    const { step, shard } = about;
    this.#ports.faultPoint?.(point, {
      ...(step === undefined ? {} : { step }),
      ...(shard === undefined ? {} : { shard }),
    });
  }

  #reduce(step: number, characters: number): void {
    const { probe, clock } = this.#ports;
    invariant(this.#sum !== undefined, 'a step is reduced that was not begun');
    const beganMs = probe === undefined ? 0 : clock.now();
    const gradient = this.#sum.take();
    this.#sum = undefined;
    const { norm, finite } = finishGradient(gradient, characters, this.#work.settings.clipNorm ?? undefined);
    // Never written to again: the transport may still be sending it when the next step is reduced into another array.
    this.#payloads.setGradient(viewAsBytes(gradient));
    probe?.({ type: 'reduced', step, beganMs, endedMs: clock.now() });
    this.#pass('C4', { step });
    this.#events.push({ type: 'reduced', step, norm, finite });
  }

  async #commit({ committed }: Extract<CoordinatorAction, { type: 'commit' }>): Promise<void> {
    const { probe, clock } = this.#ports;
    const { step } = committed;
    const beganMs = probe === undefined ? 0 : clock.now();
    await this.#ports.store.commit(committed);
    probe?.({ type: 'journalled', step, beganMs, endedMs: clock.now() });
    this.#pass('C5', { step });
    this.#dispatch({ type: 'journalled', step });
  }

  async #checkpoint(replica: Replica): Promise<void> {
    const { store, probe, clock } = this.#ports;
    const { step } = replica;
    const beganMs = probe === undefined ? 0 : clock.now();
    await store.checkpoint(replica);
    probe?.({ type: 'saved', step, beganMs, endedMs: clock.now() });
    this.#dispatch({ type: 'saved', step });
  }

  async #restore(): Promise<void> {
    const { replica, history } = await this.#ports.store.restore();
    this.#payloads.hold(replica);
    const [weights] = replica.vectors;
    const digest = this.#ports.digest(viewAsBytes(weights ?? new Float32Array()));
    const { step, optimizerSteps, slots } = replica;
    this.#dispatch({ type: 'restored', replica: { step, digest, optimizerSteps, slots }, history });
  }

  /** What the disk refuses for good ends the run: what it says is worth no more than what it keeps. */
  #write(writing: Promise<void>): void {
    const settled = writing.catch((error: unknown) => {
      this.#storeFailure ??= toLockstepError(error);
      this.abandon(this.#storeFailure);
    });
    this.#writes.add(settled);
    void settled.finally(() => this.#writes.delete(settled));
  }
}

function bringsGradient(message: WorkerMessage): boolean {
  return message.type === 'shipped' || (message.type === 'gradient' && message.held === null);
}
