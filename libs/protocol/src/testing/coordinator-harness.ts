/**
 * Drives a coordinator's machine by hand: says what peers say, and keeps what it answers, for the specs beside it.
 */
import { planShards } from '@lockstep/data';
import { stepCoordinator } from '../coordinator/coordinator.js';
import type { CoordinatorAction, CoordinatorEvent, Report } from '../coordinator/events.js';
import type { CoordinatorSettings, JournalledStep, Resumption } from '../coordinator/settings.js';
import { initialCoordinatorState } from '../coordinator/state.js';
import type { CoordinatorState } from '../coordinator/state.js';
import { PROTOCOL_VERSION } from '../messages.js';
import type { CoordinatorMessage, Stamp, StepRecord, WorkerMessage } from '../messages.js';

const GRADIENT = new Uint8Array(4);
const SEQUENCE_LENGTH = 5;

interface Overrides extends Partial<CoordinatorSettings> {
  /** Shards of the first plan. */
  readonly shards?: number;
}

function testSettings({ shards = 2, ...overrides }: Overrides = {}): CoordinatorSettings {
  return {
    run: 'run-1',
    term: 1,
    incarnation: 'c1',
    softwareVersion: '0',
    config: { any: 'thing' },
    fingerprint: 'f',
    layoutDigest: 'l',
    batchSize: 8,
    plans: [{ fromStep: 0, shards: planShards(8, shards) }],
    sequenceLength: SEQUENCE_LENGTH,
    totalSteps: 3,
    stepsPerEpoch: 100,
    learningRate: 0.1,
    sharedMemory: true,
    wire: 'float32',
    gradientLength: 1,
    gradientCredit: 16,
    clipNorm: null,
    topology: 'star',
    minWorkers: 2,
    workerTimeoutMs: 10_000,
    digestEvery: 1,
    checkpointEvery: null,
    audit: 0,
    seed: 1,
    evaluationRows: [],
    sample: null,
    initial: overrides.resumption ? null : { step: 0, digest: 'd0', optimizerSteps: 0, slots: [] },
    replicaParts: 1,
    resumption: null,
    describeRows: (step, rowStart, rowEnd) => `rows ${rowStart} to ${rowEnd} of step ${step}`,
    ...overrides,
  };
}

/** A life after the first, with this many steps in the journal. */
export function resumption(journalled: number, overrides: Partial<Resumption> = {}): Resumption {
  const digest = `d${journalled}`;
  return {
    journalled,
    journalledDigest: digest,
    checkpointStep: 0,
    awaitedPeers: [],
    comparesReplay: true,
    ...overrides,
  };
}

export function recordOf(step: number): StepRecord {
  const shardDigests = [`g${step}.0`, `g${step}.1`];
  return { step, loss: 2, characters: 40, gradientNorm: 1, seconds: 0, shardDigests };
}

export function lineOf(step: number, overrides: Partial<JournalledStep> = {}): JournalledStep {
  const { loss, shardDigests } = recordOf(step);
  return { step, loss, shardDigests, weightsDigest: `d${step + 1}`, ...overrides };
}

type Unsealed<M> = M extends { run: string; term: number; membership: number }
  ? Omit<M, 'run' | 'term' | 'membership'>
  : never;

interface HelloOverrides {
  readonly run?: string | null;
  readonly protocolVersion?: number;
  readonly softwareVersion?: string;
  readonly name?: string;
  readonly supervised?: boolean;
  readonly obeyed?: { readonly term: number; readonly incarnation: string } | null;
}

export class CoordinatorHarness {
  state: CoordinatorState;
  nowMs = 0;
  readonly actions: CoordinatorAction[] = [];
  readonly #stamps = new Map<string, Stamp>();

  constructor(overrides: Overrides = {}) {
    this.state = initialCoordinatorState(testSettings(overrides), 0);
  }

  event(event: CoordinatorEvent): readonly CoordinatorAction[] {
    const { state, actions } = stepCoordinator(this.state, event, this.nowMs);
    this.state = state;
    this.actions.push(...actions);
    return actions;
  }

  tick(): readonly CoordinatorAction[] {
    return this.event({ type: 'tick' });
  }

  /** The next message of a peer in its conversation, or one with a stamp of its own. */
  message(
    peer: string,
    message: WorkerMessage,
    payload: readonly Uint8Array[] = [],
    given: { readonly stamp?: Stamp; readonly digest?: string; readonly finite?: boolean } = {},
  ): readonly CoordinatorAction[] {
    const last = this.#stamps.get(peer) ?? { conversation: 0, sequence: -1 };
    const next =
      message.type === 'hello'
        ? { conversation: last.conversation + 1, sequence: 0 }
        : { ...last, sequence: last.sequence + 1 };
    const { stamp = next, digest = '', finite = true } = given;
    if (given.stamp === undefined) this.#stamps.set(peer, next);
    return this.event({ type: 'message', peer, message, stamp, payload, payloadDigests: [digest], finite });
  }

  /** A message of a member, under the run and term it knows. */
  say(
    peer: string,
    message: Unsealed<WorkerMessage>,
    payload: readonly Uint8Array[] = [],
    given: { readonly stamp?: Stamp; readonly digest?: string; readonly finite?: boolean } = {},
  ): readonly CoordinatorAction[] {
    const { run, term } = this.state.settings;
    const sealed = { ...message, run, term, membership: this.state.membership } as WorkerMessage;
    return this.message(peer, sealed, payload, given);
  }

  hello(peer: string, overrides: HelloOverrides = {}): readonly CoordinatorAction[] {
    return this.message(peer, {
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      softwareVersion: '0',
      run: null,
      obeyed: null,
      name: peer,
      supervised: false,
      host: 'h',
      pid: 1,
      ...overrides,
    });
  }

  ready(
    peer: string,
    overrides: {
      computeClass?: string;
      endpoint?: string | null;
      replica?: { step: number; digest: string } | null;
      records?: StepRecord[];
    } = {},
  ): readonly CoordinatorAction[] {
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'e', device: 'cpu' };
    const held = { endpoint: `tcp://${peer}`, sharing: null, replica: null, records: [] };
    return this.say(peer, { type: 'ready', ...about, ...held, ...overrides });
  }

  synced(peer: string, digest = this.state.replica?.digest ?? ''): readonly CoordinatorAction[] {
    return this.say(peer, { type: 'synced', step: this.state.step, digest });
  }

  /** Hello, ready and synced, all well. */
  join(peer: string): void {
    this.hello(peer);
    this.ready(peer);
    if (this.state.workers.get(peer)?.status === 'syncing') this.synced(peer);
  }

  /** A worker that comes back with weights of the run. */
  comeBack(peer: string, step: number, digest = `d${step}`, records: StepRecord[] = []): readonly CoordinatorAction[] {
    this.hello(peer, { run: 'run-1', obeyed: { term: 1, incarnation: 'c1' } });
    return this.ready(peer, { replica: { step, digest }, records });
  }

  /** The peer answers one shard that it was given. */
  gradient(
    peer: string,
    shard: number,
    overrides: {
      step?: number;
      attempt?: number;
      characters?: number;
      lossSum?: number;
      weightsDigest?: string;
      digest?: string;
      finite?: boolean;
    } = {},
  ): readonly CoordinatorAction[] {
    const { digest = `g${this.state.step}.${shard}`, finite = true, ...fields } = overrides;
    const { phase, plans } = this.state;
    const open = phase.name === 'computing' ? phase.open.get(shard) : undefined;
    const attempt = open?.assignments.find((assignment) => assignment.peer === peer)?.attempt ?? 0;
    const rows = plans.at(-1)?.shards[shard];
    const characters = rows === undefined ? 0 : (rows.rowEnd - rows.rowStart) * SEQUENCE_LENGTH;
    const answer = {
      step: this.state.step,
      shard,
      attempt,
      lossSum: characters * 2,
      characters,
      computeMs: 1,
      weightsDigest: `d${this.state.step}`,
      ...fields,
    };
    const isHeld = open?.assignments.find((assignment) => assignment.peer === peer)?.ships === false;
    if (isHeld) return this.say(peer, { type: 'gradient', ...answer, held: { digest, finite } });
    return this.say(peer, { type: 'gradient', ...answer, held: null }, [GRADIENT], { digest, finite });
  }

  /** The peer ships what it was asked for. */
  shipped(
    peer: string,
    shard: number,
    overrides: { step?: number; attempt?: number; digest?: string; finite?: boolean } = {},
  ): readonly CoordinatorAction[] {
    const { phase, step: current } = this.state;
    const asked = phase.name === 'computing' ? phase.results.get(shard)?.attempt : undefined;
    const { step = current, attempt = asked ?? 0, digest = `g${current}.${shard}`, finite = true } = overrides;
    return this.say(peer, { type: 'shipped', step, shard, attempt }, [GRADIENT], { digest, finite });
  }

  applied(peer: string, step: number, digest: string | null = `d${step + 1}`): readonly CoordinatorAction[] {
    return this.say(peer, { type: 'applied', step, digest });
  }

  reduced(finite = true): readonly CoordinatorAction[] {
    return this.event({ type: 'reduced', step: this.state.step, norm: 1, finite });
  }

  gone(peer: string, certain = true, reason = 'killed'): readonly CoordinatorAction[] {
    return this.event({ type: 'gone', peer, reason, certain });
  }

  /** Every open shard is answered by whoever has it. */
  answerAll(): void {
    for (const [shard, peer] of this.owners()) this.gradient(peer, shard);
  }

  /** Every gradient that is held comes when it is asked for. */
  shipAll(): void {
    const shipped = new Set<number>();
    for (;;) {
      const { phase } = this.state;
      const results = phase.name === 'computing' ? [...phase.results] : [];
      const next = results.find(([index, { gradient }]) => gradient === 'asked' && !shipped.has(index));
      if (next === undefined) return;
      const [shard, asked] = next;
      shipped.add(shard);
      this.shipped(asked.peer, shard);
    }
  }

  /** One whole step, journalled. */
  wholeStep(): void {
    const step = this.state.step;
    this.answerAll();
    this.shipAll();
    this.reduced();
    for (const { peer, status } of this.state.workers.values()) if (status === 'ready') this.applied(peer, step);
    this.event({ type: 'journalled', step });
  }

  owners(): ReadonlyMap<number, string> {
    const { phase } = this.state;
    if (phase.name !== 'computing') return new Map();
    return new Map([...phase.open].map(([shard, { assignments }]) => [shard, assignments.at(-1)?.peer ?? '']));
  }

  snapshot(peer: string, step = this.state.step, digest = `d${step}`): readonly CoordinatorAction[] {
    const about = { step, optimizerSteps: step, slots: [], digest, part: 0, parts: 1 };
    return this.say(peer, { type: 'snapshot', ...about }, [GRADIENT]);
  }
}

/** Messages among actions, by receiver and type. */
export function sent(actions: readonly CoordinatorAction[], type?: CoordinatorMessage['type']): readonly string[] {
  return actions.flatMap((action) =>
    action.type === 'send' && (type === undefined || action.message.type === type)
      ? [`${action.peer}: ${action.message.type}`]
      : [],
  );
}

export function reports<T extends Report['type']>(
  actions: readonly CoordinatorAction[],
  type: T,
): readonly Extract<Report, { type: T }>[] {
  return actions.flatMap((action) =>
    action.type === 'report' && action.report.type === type ? [action.report as Extract<Report, { type: T }>] : [],
  );
}

/** Actions of one type. */
export function those<T extends CoordinatorAction['type']>(
  actions: readonly CoordinatorAction[],
  type: T,
): readonly Extract<CoordinatorAction, { type: T }>[] {
  return actions.filter((action): action is Extract<CoordinatorAction, { type: T }> => action.type === type);
}

/** How the run ended, if it did. */
export function outcome(actions: readonly CoordinatorAction[]): unknown {
  return those(actions, 'end').at(-1)?.outcome;
}
