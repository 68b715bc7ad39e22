/**
 * Drives a coordinator's machine by hand: says what peers say, and keeps what it answers, for the specs beside it.
 */
import { planShards } from '@lockstep/data';
import { stepCoordinator } from '../coordinator/coordinator.js';
import type { CoordinatorAction, CoordinatorEvent, Report } from '../coordinator/events.js';
import type { CoordinatorSettings } from '../coordinator/settings.js';
import { initialCoordinatorState } from '../coordinator/state.js';
import type { CoordinatorState } from '../coordinator/state.js';
import { PROTOCOL_VERSION } from '../messages.js';
import type { CoordinatorMessage, WorkerMessage } from '../messages.js';

const GRADIENT = new Uint8Array(4);
const SEQUENCE_LENGTH = 5;

function testSettings(overrides: Partial<CoordinatorSettings> = {}): CoordinatorSettings {
  return {
    run: 'run-1',
    term: 1,
    softwareVersion: '0',
    config: { any: 'thing' },
    fingerprint: 'f',
    layoutDigest: 'l',
    shards: planShards(8, 2),
    sequenceLength: SEQUENCE_LENGTH,
    totalSteps: 3,
    stepsPerEpoch: 100,
    learningRate: 0.1,
    minWorkers: 2,
    workerTimeoutMs: 10_000,
    localPeers: new Set<string>(),
    digestEvery: 1,
    checkpointEvery: null,
    evaluationRows: [],
    sample: null,
    initialDigest: 'd0',
    ...overrides,
  };
}

type Unsealed<M> = M extends { run: string; term: number; membership: number }
  ? Omit<M, 'run' | 'term' | 'membership'>
  : never;

export class CoordinatorHarness {
  state: CoordinatorState;
  nowMs = 0;
  readonly actions: CoordinatorAction[] = [];

  constructor(overrides: Partial<CoordinatorSettings> = {}) {
    this.state = initialCoordinatorState(testSettings(overrides), 0);
  }

  event(event: CoordinatorEvent): readonly CoordinatorAction[] {
    const { state, actions } = stepCoordinator(this.state, event, this.nowMs);
    this.state = state;
    this.actions.push(...actions);
    return actions;
  }

  /** A message of a member, under the run and term it knows. */
  say(
    peer: string,
    message: Unsealed<WorkerMessage>,
    payload: readonly Uint8Array[] = [],
  ): readonly CoordinatorAction[] {
    const { run, term } = this.state.settings;
    const sealed = { ...message, run, term, membership: this.state.membership } as WorkerMessage;
    return this.event({ type: 'message', peer, message: sealed, payload });
  }

  hello(
    peer: string,
    overrides: { run?: string | null; protocolVersion?: number; softwareVersion?: string } = {},
  ): readonly CoordinatorAction[] {
    const message = {
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      softwareVersion: '0',
      run: null,
      host: 'h',
      pid: 1,
      ...overrides,
    } as const;
    return this.event({ type: 'message', peer, message, payload: [] });
  }

  ready(peer: string, computeClass = 'c'): readonly CoordinatorAction[] {
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass, engine: 'e', device: 'cpu' };
    return this.say(peer, { type: 'ready', ...about });
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

  /** The peer answers one shard that it was given. */
  gradient(
    peer: string,
    shard: number,
    overrides: { step?: number; attempt?: number; characters?: number; lossSum?: number } = {},
  ): readonly CoordinatorAction[] {
    const phase = this.state.phase;
    const attempt = phase.name === 'computing' ? (phase.pending.get(shard)?.attempt ?? 0) : 0;
    const plan = this.state.settings.shards[shard];
    const characters = plan === undefined ? 0 : (plan.rowEnd - plan.rowStart) * SEQUENCE_LENGTH;
    const answer = {
      step: this.state.step,
      shard,
      attempt,
      lossSum: characters * 2,
      characters,
      computeMs: 1,
      ...overrides,
    };
    return this.say(peer, { type: 'gradient', ...answer }, [GRADIENT]);
  }

  applied(peer: string, step: number, digest: string | null = `d${step + 1}`): readonly CoordinatorAction[] {
    return this.say(peer, { type: 'applied', step, digest });
  }

  reduced(finite = true): readonly CoordinatorAction[] {
    return this.event({ type: 'reduced', step: this.state.step, norm: 1, finite });
  }

  /** One whole step with every shard answered by whoever has it. */
  wholeStep(): void {
    const step = this.state.step;
    for (const [shard, peer] of this.owners()) this.gradient(peer, shard);
    this.reduced();
    for (const peer of this.state.workers.keys()) this.applied(peer, step);
  }

  owners(): ReadonlyMap<number, string> {
    const { phase } = this.state;
    if (phase.name !== 'computing') return new Map();
    return new Map([...phase.pending].map(([shard, { peer }]) => [shard, peer]));
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
