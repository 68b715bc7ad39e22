/** Drives a worker's machine by hand: says what the coordinator says and answers its tasks, for the specs beside it. */
import { LIMITS } from '@lockstep/config';
import type { CoordinatorMessage, StepRecord } from '../messages.js';
import type { ComputeResult, WorkerAction, WorkerEvent } from '../worker/events.js';
import { initialWorkerState } from '../worker/state.js';
import type { WorkerSettings, WorkerState } from '../worker/state.js';
import { stepWorker } from '../worker/worker.js';

const ENVELOPE = { run: 'run-1', term: 1, membership: 1 };
const BYTES = new Uint8Array(4);
export const AWAY_LIMIT_MS = 180_000;
export const CONNECT_DEADLINE_MS = 20_000;

export function recordOf(step: number): StepRecord {
  return { step, loss: 2, characters: 10, gradientNorm: 1, seconds: 0.1, shardDigests: [`d${step}`] };
}

export class WorkerHarness {
  nowMs = 0;
  state: WorkerState;
  /** Sequence of the coordinator's next message. */
  next = 0;
  #envelope = ENVELOPE;

  constructor(settings: Partial<WorkerSettings> = {}) {
    const about = { coordinator: 'tcp://c:1', run: 'run-1', softwareVersion: '0', name: 'w', supervised: true };
    const limits = { connectDeadlineMs: CONNECT_DEADLINE_MS, silenceLimitMs: LIMITS.peerSilenceMs };
    const whole = { ...about, ...limits, host: 'h', pid: 1, awayLimitMs: AWAY_LIMIT_MS, ...settings };
    this.state = initialWorkerState(whole, 0);
  }

  event(event: WorkerEvent): readonly WorkerAction[] {
    const conversation = this.state.conversation;
    const { state, actions } = stepWorker(this.state, event, this.nowMs);
    this.state = state;
    if (state.conversation !== conversation) this.next = 0;
    return actions;
  }

  /** The next message of the conversation that goes on. */
  receive(message: CoordinatorMessage, payload: readonly Uint8Array[] = [BYTES]): readonly WorkerAction[] {
    const sequence = this.next;
    this.next += 1;
    return this.receiveStamped(message, this.state.conversation, sequence, payload);
  }

  receiveStamped(
    message: CoordinatorMessage,
    conversation: number,
    sequence: number,
    payload: readonly Uint8Array[] = [BYTES],
  ): readonly WorkerAction[] {
    return this.event({ type: 'message', message, stamp: { conversation, sequence }, payload });
  }

  computed(result: ComputeResult, conversation = this.state.conversation): readonly WorkerAction[] {
    return this.event({ type: 'computed', conversation, result });
  }

  isEnded(): boolean {
    return this.state.phase === 'ended';
  }

  /** Ticks four times a second until so much time has passed; everything that was asked for in it. */
  pass(durationMs: number): readonly WorkerAction[] {
    const untilMs = this.nowMs + durationMs;
    const actions: WorkerAction[] = [];
    while (this.nowMs < untilMs && !this.isEnded()) {
      this.nowMs = Math.min(untilMs, this.nowMs + 250);
      actions.push(...this.event({ type: 'tick' }));
    }
    return actions;
  }

  /** As above, with a coordinator that is heard all the time. */
  passHearing(durationMs: number): readonly WorkerAction[] {
    const actions: WorkerAction[] = [];
    for (let passedMs = 0; passedMs < durationMs && !this.isEnded(); passedMs += 1000) {
      actions.push(...this.pass(1000));
      if (!this.isEnded()) actions.push(...this.receive(this.heartbeat()));
    }
    return actions;
  }

  welcome(overrides: { run?: string; term?: number; incarnation?: string } = {}): readonly WorkerAction[] {
    const { incarnation = 'i-1', ...envelope } = overrides;
    this.#envelope = { ...ENVELOPE, ...envelope };
    const about = { slot: 0, config: {}, fingerprint: 'f', layoutDigest: 'l', mesh: true, incarnation };
    return this.receive({ type: 'welcome', ...this.#envelope, ...about }, []);
  }

  /** The engine is loaded, and holds a replica or none. */
  prepared(step: number | null = this.state.step): readonly WorkerAction[] {
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'e', device: 'd' };
    return this.computed({ type: 'prepared', ...about, replica: step === null ? null : { step, digest: `w${step}` } });
  }

  part(step: number, part: number, parts: number): CoordinatorMessage {
    const about = { step, optimizerSteps: step, slots: ['m'], digest: 'w', part, parts };
    return { type: 'replica', ...this.#envelope, ...about };
  }

  assign(step: number, shard = 0): CoordinatorMessage {
    return { type: 'assign', ...this.#envelope, step, shard, attempt: 0, rows: 4, digest: false, ship: true };
  }

  update(step: number, journalled = 0): CoordinatorMessage {
    const how = { learningRate: 0.1, exchange: null, scale: 1, digest: false, record: recordOf(step), journalled };
    return { type: 'update', ...this.#envelope, step, ...how };
  }

  heartbeat(): CoordinatorMessage {
    return { type: 'heartbeat', ...this.#envelope, step: 0 };
  }

  stop(reason: Extract<CoordinatorMessage, { type: 'stop' }>['reason']): CoordinatorMessage {
    return { type: 'stop', run: 'run-1', reason, detail: 'why' };
  }

  /** Through hello and welcome to a worker that is ready for work, with what it held before. */
  ready(): this {
    this.event({ type: 'connected' });
    this.welcome();
    this.prepared();
    return this;
  }

  /** And through a replica to one that computes from `step` on. */
  synced(step = 0): this {
    this.ready();
    this.receive(this.part(step, 0, 1));
    this.computed({ type: 'loaded', step, digest: `w${step}` });
    return this;
  }

  /** Applies the update of the step that the replica is at. */
  advance(journalled = 0): void {
    const step = this.state.step ?? 0;
    this.receive(this.update(step, journalled));
    this.computed({ type: 'applied', step, digest: null });
  }
}

/** A worker that computes from step 0 on. */
export const syncedWorker = (): WorkerHarness => new WorkerHarness().synced();

export function gradientOf(step: number, shard: number): Extract<ComputeResult, { type: 'gradient' }> {
  const about = { lossSum: 1, characters: 4, computeMs: 1, weightsDigest: null, held: null };
  return { type: 'gradient', step, shard, attempt: 0, ...about, payload: new Uint8Array(4) };
}
