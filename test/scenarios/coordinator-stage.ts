/** A coordinator's machine on the stage: the commands say what workers, the disk and the user do. */
import { planShards } from '@lockstep/data';
import { initialCoordinatorState, payloadFrameCount, stepCoordinator } from '@lockstep/protocol';
import type {
  Command,
  CoordinatorEvent,
  CoordinatorSettings,
  CoordinatorState,
  JournalledStep,
  Stamp,
  WorkerMessage,
} from '@lockstep/protocol';
import { BATCH_SIZE, recordOf, RUN, SEQUENCE_LENGTH, settingsOf } from './coordinator-given.js';
import { numberOf, Vocabulary } from './screenplay.js';
import type { Stage } from './screenplay.js';
import { tellCoordinator } from './tell.js';

const TICK_MS = 200;
const HEARTBEAT_MS = 1_000;
const GRADIENT = new Uint8Array(4);
const PROTOCOL = 8;

type Unsealed<M> = M extends { run: string; term: number; membership: number }
  ? Omit<M, 'run' | 'term' | 'membership'>
  : never;

interface Spoken {
  readonly message: WorkerMessage;
  readonly stamp: Stamp;
  readonly bits: string;
  readonly finite: boolean;
}

export function openCoordinatorStage(given: string): Stage {
  const director = new Director(settingsOf(given));
  return director.vocabulary();
}

class Director {
  #state: CoordinatorState;
  #nowMs = 0;
  readonly #stamps = new Map<string, Stamp>();
  readonly #last = new Map<string, Spoken>();
  #commandId = 0;

  constructor(settings: CoordinatorSettings) {
    this.#state = initialCoordinatorState(settings, 0);
  }

  vocabulary(): Stage {
    const commands = new Vocabulary();
    this.#addJoining(commands);
    this.#addComputing(commands);
    this.#addTrouble(commands);
    this.#addOthers(commands);
    return commands;
  }

  #addJoining(commands: Vocabulary): void {
    commands.on(/(\w+) joins/, (peer) => [
      ...this.#hello(peer, ''),
      ...this.#ready(peer, ''),
      ...this.#synced(peer, ''),
    ]);
    commands.on(/(\w+) says hello(.*)/, (peer, how) => this.#hello(peer, how));
    commands.on(/(\w+) is ready(.*)/, (peer, how) => this.#ready(peer, how));
    commands.on(/(\w+) is synced(?: with bits (\w+))?/, (peer, bits) => this.#synced(peer, bits));
    commands.on(/(\w+) comes back(.*)/, (peer, how) => [
      ...this.#hello(peer, ` having obeyed term ${this.#state.settings.term} of c1`),
      ...this.#ready(peer, how),
    ]);
  }

  #addComputing(commands: Vocabulary): void {
    commands.on(/(\w+) answers shard (\d+)(.*)/, (peer, shard, how) => this.#answer(peer, Number(shard), how));
    commands.on(/everybody answers/, () => this.#answerAll());
    commands.on(/(\w+) ships shard (\d+)(.*)/, (peer, shard, how) => this.#shipped(peer, Number(shard), how));
    commands.on(/everybody ships/, () => this.#shipAll());
    commands.on(/the sum is there( and not finite)?/, (infinite) => this.#reduced(infinite === ''));
    commands.on(/everybody has exchanged/, () =>
      this.#membersOfExchange().flatMap((peer) => this.#exchanged(peer, '')),
    );
    commands.on(/(\w+) has exchanged(?: (\d+))?/, (peer, id) => this.#exchanged(peer, id));
    commands.on(/(\w+) loses (\w+) in the exchange/, (peer, other) =>
      this.#say(peer, { type: 'exchange-broken', ...this.#exchange(''), peer: other, reason: 'the connection broke' }),
    );
    commands.on(/(\w+) waits for ([\w ]+) in the exchange/, (peer, others) =>
      this.#say(peer, { type: 'exchange-waits', ...this.#exchange(''), missing: others.split(' and ') }),
    );
    commands.on(/everybody has applied step (\d+)/, (step) => this.#allApplied(Number(step) - 1));
    commands.on(/(\w+) has applied step (\d+)(?: with bits (\w+))?/, (peer, step, bits) =>
      this.#say(peer, { type: 'applied', step: Number(step) - 1, digest: bits === '' ? `d${step}` : bits }),
    );
    commands.on(/step (\d+) is on the disk/, (step) => this.#event({ type: 'journalled', step: Number(step) - 1 }));
    commands.on(/step (\d+) is done/, (step) => this.#wholeStep(Number(step) - 1));
    commands.on(/steps (\d+) to (\d+) are done, with no line on the disk/, (first, last) =>
      this.#unjournalledSteps(Number(first) - 1, Number(last) - 1),
    );
    commands.on(/(\w+) ships its snapshot(?: with bits (\w+))?/, (peer, bits) => this.#snapshot(peer, bits));
  }

  #addTrouble(commands: Vocabulary): void {
    commands.on(/(\w+) is killed/, (peer) => this.#gone(peer, 'killed', true));
    commands.on(/(\w+) is cut off/, (peer) => this.#gone(peer, 'the connection broke', false));
    commands.on(/(\w+) fails/, (peer) => {
      const failure = { kind: 'internal', what: 'out of memory', hint: 'give it more' } as const;
      const message = { type: 'failed', run: RUN, failure, stack: '', log: [] } as const;
      return this.#deliver(peer, { message, stamp: this.#nextStamp(peer), bits: '', finite: true });
    });
    commands.on(/(\w+) repeats itself/, (peer) => this.#repeat(peer, {}));
    commands.on(/(\w+) speaks of (another run|term \d+|an earlier conversation)/, (peer, what) =>
      this.#stray(peer, what),
    );
    commands.on(/a message of (\w+) is lost/, (peer) => {
      this.#nextStamp(peer);
      return [];
    });
    commands.on(/(\w+) sends (damaged bytes|bytes of version 1)/, (peer, what) => {
      const problem = what === 'damaged bytes' ? 'damaged' : 'version';
      return this.#event({ type: 'unreadable', peer, problem, what: `received ${what}` });
    });
  }

  #addOthers(commands: Vocabulary): void {
    commands.on(/([\d.]+) seconds pass(?:, (.*) silent)?/, (seconds, silent) =>
      this.#pass(Number(seconds) * 1000, silent.split(' ')),
    );
    commands.on(/(\w+) wants to leave/, (peer) => this.#say(peer, { type: 'leave' }));
    commands.on(/the user drains worker (\d+)/, (slot) => this.#command({ type: 'drain', slot: Number(slot) }));
    commands.on(/the user wants (\d+) shards/, (shards) => this.#command({ type: 'reshard', shards: Number(shards) }));
    commands.on(/the user stops the run/, () => this.#event({ type: 'stop-requested' }));
    commands.on(/the plan is on the disk/, () => this.#planJournalled());
    commands.on(/the checkpoint after (\d+) steps? is on the disk/, (step) =>
      this.#event({ type: 'saved', step: Number(step) }),
    );
    commands.on(/the checkpoint after (\d+) steps? is loaded(.*)/, (step, how) => this.#restored(Number(step), how));
    commands.on(/the lock is lost/, () => {
      const what = 'this process has lost the lock of the run directory';
      return this.#event({ type: 'abandoned', failure: { kind: 'locked', what, hint: 'nothing more is written' } });
    });
  }

  #event(event: CoordinatorEvent): readonly string[] {
    const { state, actions } = stepCoordinator(this.#state, event, this.#nowMs);
    this.#state = state;
    return actions.flatMap(tellCoordinator);
  }

  #nextStamp(peer: string): Stamp {
    const last = this.#stamps.get(peer) ?? { conversation: 0, sequence: -1 };
    const next = { ...last, sequence: last.sequence + 1 };
    this.#stamps.set(peer, next);
    return next;
  }

  #deliver(peer: string, spoken: Spoken): readonly string[] {
    this.#last.set(peer, spoken);
    const { message, stamp, bits, finite } = spoken;
    const isShipped = payloadFrameCount(message) > 0;
    const payload = isShipped ? [GRADIENT] : [];
    return this.#event({ type: 'message', peer, message, stamp, payload, payloadDigests: [bits], finite });
  }

  /** A message of a member, under the run and term it knows. */
  #say(peer: string, message: Unsealed<WorkerMessage>, bits = '', finite = true): readonly string[] {
    const { run, term } = this.#state.settings;
    const sealed = { ...message, run, term, membership: this.#state.membership } as WorkerMessage;
    return this.#deliver(peer, { message: sealed, stamp: this.#nextStamp(peer), bits, finite });
  }

  #hello(peer: string, how: string): readonly string[] {
    const last = this.#stamps.get(peer) ?? { conversation: 0, sequence: 0 };
    const stamp = { conversation: last.conversation + 1, sequence: 0 };
    this.#stamps.set(peer, stamp);
    const obeyed = /having obeyed term (\d+) of (\w+)/.exec(how);
    const message: WorkerMessage = {
      ...{ type: 'hello', protocolVersion: numberOf(how, 'as its version', PROTOCOL), softwareVersion: '1' },
      run: / of run (\S+)/.exec(how)?.[1] ?? (obeyed === null ? null : RUN),
      obeyed: obeyed === null ? null : { term: Number(obeyed[1]), incarnation: obeyed[2] ?? '' },
      ...{ name: / as (\w+)/.exec(how)?.[1] ?? peer, supervised: false, host: 'h', pid: 1 },
    };
    return this.#deliver(peer, { message, stamp, bits: '', finite: true });
  }

  #ready(peer: string, how: string): readonly string[] {
    const step = /after (\d+)/.exec(how)?.[1];
    const bits = /bits (\w+)/.exec(how)?.[1] ?? `d${step ?? ''}`;
    const told = /telling of steps? ([\d ]+)/.exec(how)?.[1]?.split(' ') ?? [];
    const shards = this.#state.plans.at(-1)?.shards.length ?? 0;
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'engine', device: 'cpu' };
    const replica = step === undefined ? null : { step: Number(step), digest: bits };
    const records = told.map((one) => recordOf(Number(one) - 1, shards));
    const endpoint = how.includes('out of reach') ? null : `tcp://${peer}`;
    return this.#say(peer, { type: 'ready', ...about, endpoint, sharing: null, replica, records });
  }

  #synced(peer: string, bits: string): readonly string[] {
    if (this.#state.workers.get(peer)?.status !== 'syncing') return [];
    const { step, replica } = this.#state;
    return this.#say(peer, { type: 'synced', step, digest: bits === '' ? (replica?.digest ?? '') : bits });
  }

  #answer(peer: string, shard: number, how: string): readonly string[] {
    const { phase, plans } = this.#state;
    const step = Number(/of step (\d+)/.exec(how)?.[1] ?? this.#state.step + 1) - 1;
    const open = phase.name === 'computing' ? phase.open.get(shard) : undefined;
    const assigned = open?.assignments.find((assignment) => assignment.peer === peer)?.attempt;
    const attempt = Number(/attempt (\d+)/.exec(how)?.[1] ?? assigned ?? 0);
    const rows = plans.at(-1)?.shards[shard];
    const characters = rows === undefined ? 0 : (rows.rowEnd - rows.rowStart) * SEQUENCE_LENGTH;
    const bits = /bits (\w+)/.exec(how)?.[1] ?? `g${step + 1}.${shard}`;
    const weightsDigest = /weights (\w+)/.exec(how)?.[1] ?? `d${step}`;
    const answer = { step, shard, attempt, lossSum: characters * 2, characters, computeMs: 1, weightsDigest };
    const finite = !how.includes('not finite');
    const ships = open?.assignments.find((one) => one.peer === peer && one.attempt === attempt)?.ships ?? true;
    const held = ships ? null : { digest: bits, finite };
    return this.#say(peer, { type: 'gradient', ...answer, held }, bits, finite);
  }

  #shipped(peer: string, shard: number, how: string): readonly string[] {
    const { phase } = this.#state;
    const step = Number(/of step (\d+)/.exec(how)?.[1] ?? this.#state.step + 1) - 1;
    const asked = phase.name === 'computing' ? phase.results.get(shard)?.attempt : undefined;
    const attempt = Number(/attempt (\d+)/.exec(how)?.[1] ?? asked ?? 0);
    const bits = /bits (\w+)/.exec(how)?.[1] ?? `g${step + 1}.${shard}`;
    return this.#say(peer, { type: 'shipped', step, shard, attempt }, bits, !how.includes('not finite'));
  }

  #shipAll(): readonly string[] {
    const lines: string[] = [];
    const shipped = new Set<number>();
    for (;;) {
      const { phase } = this.#state;
      const results = phase.name === 'computing' ? [...phase.results] : [];
      const next = results.find(([shard, { gradient }]) => gradient === 'asked' && !shipped.has(shard));
      if (next === undefined) return lines;
      const [shard, { peer }] = next;
      shipped.add(shard);
      lines.push(...this.#shipped(peer, shard, ''));
    }
  }

  #answerAll(): readonly string[] {
    const { phase } = this.#state;
    if (phase.name !== 'computing') return [];
    const owners = [...phase.open].map(([shard, { assignments }]) => ({ shard, peer: assignments.at(-1)?.peer ?? '' }));
    return owners.flatMap(({ shard, peer }) => this.#answer(peer, shard, ''));
  }

  #exchange(id: string): { step: number; exchange: number } {
    const { phase, step } = this.#state;
    const current = phase.name === 'exchanging' ? phase.exchange : 0;
    return { step, exchange: id === '' ? current : Number(id) };
  }

  #exchanged(peer: string, id: string): readonly string[] {
    return this.#say(peer, { type: 'exchanged', ...this.#exchange(id), squares: [1] });
  }

  #membersOfExchange(): readonly string[] {
    const { phase } = this.#state;
    return phase.name === 'exchanging' ? phase.members : [];
  }

  #reduced(finite: boolean): readonly string[] {
    return this.#event({ type: 'reduced', step: this.#state.step, norm: 1, finite });
  }

  #allApplied(step: number): readonly string[] {
    const waiting = [...(this.#state.commits.get(step)?.waiting ?? [])];
    return waiting.flatMap((peer) => this.#say(peer, { type: 'applied', step, digest: `d${step + 1}` }));
  }

  #wholeStep(step: number): readonly string[] {
    return [...this.#unjournalledStep(step), ...this.#event({ type: 'journalled', step })];
  }

  #unjournalledStep(step: number): readonly string[] {
    return [...this.#answerAll(), ...this.#shipAll(), ...this.#reduced(true), ...this.#allApplied(step)];
  }

  /** The trace of the last one stands for all. */
  #unjournalledSteps(first: number, last: number): readonly string[] {
    let lines: readonly string[] = [];
    for (let step = first; step <= last; step += 1) lines = this.#unjournalledStep(step);
    return lines;
  }

  #snapshot(peer: string, bits: string): readonly string[] {
    const step = this.#state.snapshot?.step ?? this.#state.step;
    const digest = bits === '' ? `d${step}` : bits;
    return this.#say(peer, { type: 'snapshot', step, optimizerSteps: step, slots: [], digest, part: 0, parts: 1 });
  }

  #gone(peer: string, reason: string, certain: boolean): readonly string[] {
    return this.#event({ type: 'gone', peer, reason, certain });
  }

  #repeat(peer: string, changes: Partial<Spoken>): readonly string[] {
    const last = this.#last.get(peer);
    return last === undefined ? [] : this.#deliver(peer, { ...last, ...changes });
  }

  /** The next message of a peer, sent into another run, life or conversation. */
  #stray(peer: string, what: string): readonly string[] {
    const { settings, membership, step } = this.#state;
    const stamp = this.#stamps.get(peer) ?? { conversation: 1, sequence: 0 };
    const isEarlier = what === 'an earlier conversation';
    const message: WorkerMessage = {
      ...{ type: 'heartbeat', membership, step, activity: 'idle' },
      run: what === 'another run' ? 'run-2' : settings.run,
      term: what.startsWith('term') ? Number(what.slice('term '.length)) : settings.term,
    };
    const conversation = stamp.conversation - (isEarlier ? 1 : 0);
    const sequence = stamp.sequence + 1;
    return this.#deliver(peer, { message, stamp: { conversation, sequence }, bits: '', finite: true });
  }

  /** Members that are not silent say every second what they are at. */
  #pass(durationMs: number, silent: readonly string[]): readonly string[] {
    const lines: string[] = [];
    const untilMs = this.#nowMs + durationMs;
    for (let heartbeatMs = this.#nowMs; this.#nowMs < untilMs;) {
      this.#nowMs += TICK_MS;
      if (this.#nowMs - heartbeatMs >= HEARTBEAT_MS) {
        heartbeatMs = this.#nowMs;
        lines.push(...this.#heartbeats(silent));
      }
      const happened = this.#event({ type: 'tick' });
      if (happened.length > 0) lines.push(`(at ${(this.#nowMs / 1000).toFixed(1)} s)`, ...happened);
    }
    return lines;
  }

  #heartbeats(silent: readonly string[]): readonly string[] {
    const talking = [...this.#state.workers.values()].filter(({ peer }) => !silent.includes(peer));
    return talking.flatMap(({ peer, busySinceMs, status }) => {
      const activity = status === 'preparing' ? 'preparing' : busySinceMs === null ? 'idle' : 'computing';
      return this.#say(peer, { type: 'heartbeat', step: this.#state.step, activity });
    });
  }

  #command(command: Command): readonly string[] {
    return this.#event({ type: 'command', id: (this.#commandId += 1), command });
  }

  #planJournalled(): readonly string[] {
    const shards = this.#state.planRequest?.shards ?? 1;
    const plan = { fromStep: this.#state.step, shards: planShards(BATCH_SIZE, shards) };
    return this.#event({ type: 'plan-journalled', plan });
  }

  #restored(step: number, how: string): readonly string[] {
    const odd = /step (\d+) journalled with (shards|weights) (\w+)/.exec(how);
    const shards = this.#state.plans.at(-1)?.shards.length ?? 0;
    const history: JournalledStep[] = [];
    for (let done = step; done < this.#state.committed; done += 1) {
      const { loss, shardDigests } = recordOf(done, shards);
      const isOdd = Number(odd?.[1]) === done + 1;
      history.push({
        ...{ step: done, loss },
        shardDigests: isOdd && odd?.[2] === 'shards' ? [odd[3] ?? '', ...shardDigests.slice(1)] : shardDigests,
        weightsDigest: isOdd && odd?.[2] === 'weights' ? (odd[3] ?? '') : `d${done + 1}`,
      });
    }
    const replica = { step, digest: `d${step}`, optimizerSteps: step, slots: [] };
    return this.#event({ type: 'restored', replica, history });
  }
}
