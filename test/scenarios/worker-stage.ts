/** A worker's machine on the stage: the commands say what its coordinator, its engine and its connection do. */
import { initialWorkerState, stepWorker } from '@lockstep/protocol';
import type { ComputeResult, CoordinatorMessage, StepRecord, WorkerEvent, WorkerState } from '@lockstep/protocol';
import { Vocabulary } from './screenplay.js';
import type { Stage } from './screenplay.js';
import { tellWorker } from './tell.js';

const TICK_MS = 250;
const RUN = 'run-1';
const BYTES = new Uint8Array(4);

export function openWorkerStage(given: string): Stage {
  return new WorkerDirector(given).vocabulary();
}

class WorkerDirector {
  #state: WorkerState;
  #nowMs = 0;
  #term: number;
  #incarnation = 'c1';
  /** Of the coordinator's next message. */
  #sequence = 0;

  constructor(given: string) {
    this.#term = Number(/term (\d+)/.exec(given)?.[1] ?? 1);
    this.#state = initialWorkerState(
      {
        ...{ coordinator: 'tcp://c:1', run: RUN, softwareVersion: '1', name: 'w', supervised: true, host: 'h', pid: 1 },
        ...{ connectDeadlineMs: 30_000, silenceLimitMs: 30_000, awayLimitMs: 180_000 },
      },
      0,
    );
  }

  vocabulary(): Stage {
    const commands = new Vocabulary();
    this.#addConnection(commands);
    this.#addWork(commands);
    this.#addExchange(commands);
    this.#addTrouble(commands);
    return commands;
  }

  #addConnection(commands: Vocabulary): void {
    commands.on(/the connection is there/, () => this.#event({ type: 'connected' }));
    commands.on(/the connection breaks/, () => this.#event({ type: 'disconnected', reason: 'the connection broke' }));
    commands.on(/the coordinator welcomes it(?: in term (\d+))?/, (term) => this.#welcome(term));
    commands.on(/the coordinator tells it to wait (\d+) seconds/, (seconds) =>
      this.#hear({ type: 'wait', run: RUN, seconds: Number(seconds), detail: 'it has failed lately' }),
    );
    commands.on(/the coordinator stops it: (done|stopped|failed|dropped|drained|quarantined)/, (reason) =>
      this.#hear({ type: 'stop', run: RUN, reason: reason as 'done', detail: '' }),
    );
    commands.on(/the engine is loaded(?:, holding (\w+) after (\d+) steps?)?/, (digest, step) => {
      const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'engine', device: 'cpu' };
      const replica = step === '' ? null : { step: Number(step), digest };
      return this.#computed({ type: 'prepared', ...about, replica });
    });
    commands.on(/([\d.]+) seconds pass/, (seconds) => this.#pass(Number(seconds) * 1000));
    commands.on(/it is told to leave/, () => this.#event({ type: 'leave-requested' }));
  }

  #addWork(commands: Vocabulary): void {
    commands.on(/part (\d+) of (\d+) of the replica after (\d+) steps? comes/, (part, parts, step) => {
      const about = { optimizerSteps: Number(step), slots: [], digest: `d${step}` };
      const cut = { part: Number(part) - 1, parts: Number(parts) };
      return this.#hear({ ...{ type: 'replica', ...this.#envelope(), ...about, ...cut }, step: Number(step) }, [BYTES]);
    });
    commands.on(/the replica after (\d+) steps? is loaded/, (step) =>
      this.#computed({ type: 'loaded', step: Number(step), digest: `d${step}` }),
    );
    commands.on(
      /it is assigned shard (\d+) of step (\d+)(?: in term (\d+))?(, to hold)?/,
      (shard, step, term, held) => {
        const ship = held === '';
        const task = { step: Number(step) - 1, shard: Number(shard), attempt: 0, rows: 4, digest: false, ship };
        return this.#hear({ type: 'assign', ...this.#envelope(term), ...task }, [BYTES]);
      },
    );
    commands.on(/it is asked for shard (\d+) of step (\d+)(?:, attempt (\d+))?/, (shard, step, attempt) => {
      const which = { step: Number(step) - 1, shard: Number(shard), attempt: Number(attempt) };
      return this.#hear({ type: 'ship', ...this.#envelope(), ...which });
    });
    commands.on(/shard (\d+) of step (\d+) is computed( and held)?/, (shard, step, held) =>
      this.#gradient(Number(shard), Number(step) - 1, held !== ''),
    );
    commands.on(
      /the update of step (\d+)(?: from exchange (\d+))? comes(?:, (\d+) steps? on the disk)?/,
      (step, id, journalled) => this.#update(Number(step) - 1, Number(journalled), id === '' ? null : Number(id)),
    );
    commands.on(/the update of step (\d+) is applied/, (step) =>
      this.#computed({ type: 'applied', step: Number(step) - 1, digest: `d${step}` }),
    );
  }

  #addExchange(commands: Vocabulary): void {
    commands.on(/others reach it at (\S+)/, (endpoint) => this.#event({ type: 'listening', endpoint, sharing: null }));
    commands.on(/it is told of exchange (\d+) of step (\d+)/, (id, step) => {
      const members = ['tcp://w', 'tcp://other'].map((endpoint) => ({
        peer: endpoint.slice('tcp://'.length),
        endpoint,
        sharing: null,
      }));
      const about = { members, holders: [0, 1], length: 1, wire: 'float32', characters: 40 } as const;
      const plan = { exchange: Number(id), ...about };
      return this.#hear({ type: 'exchange', ...this.#envelope(), step: Number(step) - 1, ...plan });
    });
    commands.on(/exchange (\d+) is done/, (id) =>
      this.#event({ type: 'exchanged', exchange: Number(id), squares: [1], mean: BYTES }),
    );
    commands.on(/exchange (\d+) is broken with (\w+)/, (id, peer) =>
      this.#event({ type: 'exchange-broken', exchange: Number(id), peer, reason: 'the connection broke' }),
    );
    commands.on(/exchange (\d+) waits for (\w+)/, (id, peer) =>
      this.#event({ type: 'exchange-waits', exchange: Number(id), missing: [peer] }),
    );
  }

  #addTrouble(commands: Vocabulary): void {
    commands.on(/a message of the coordinator is lost/, () => {
      this.#sequence += 1;
      return [];
    });
    commands.on(/the coordinator repeats its last message/, () => {
      this.#sequence -= 1;
      return this.#hear({ type: 'heartbeat', ...this.#envelope(), step: 0 });
    });
    commands.on(/a heartbeat of an earlier conversation comes/, () => {
      const stamp = { conversation: this.#state.conversation - 1, sequence: 9 };
      const message = { type: 'heartbeat', ...this.#envelope(), step: 0 } as const;
      return this.#event({ type: 'message', message, stamp, payload: [] });
    });
    commands.on(/(damaged bytes|bytes of version 1) come/, (what) => {
      const problem = what === 'damaged bytes' ? 'damaged' : 'version';
      return this.#event({ type: 'unreadable', problem, what: `received ${what}` });
    });
    commands.on(/the engine fails/, () => {
      const failure = { kind: 'internal', what: 'out of memory', hint: 'give it more' } as const;
      return this.#event({ type: 'compute-failed', failure, stack: '' });
    });
  }

  #envelope(term = ''): { run: string; term: number; membership: number } {
    return { run: RUN, term: term === '' ? this.#term : Number(term), membership: 1 };
  }

  #event(event: WorkerEvent): readonly string[] {
    const before = this.#state.conversation;
    const { state, actions } = stepWorker(this.#state, event, this.#nowMs);
    this.#state = state;
    if (state.conversation !== before) this.#sequence = 0;
    return actions.flatMap(tellWorker);
  }

  #hear(message: CoordinatorMessage, payload: readonly Uint8Array[] = []): readonly string[] {
    const stamp = { conversation: this.#state.conversation, sequence: this.#sequence };
    this.#sequence += 1;
    return this.#event({ type: 'message', message, stamp, payload });
  }

  #computed(result: ComputeResult): readonly string[] {
    return this.#event({ type: 'computed', conversation: this.#state.conversation, result });
  }

  #welcome(term: string): readonly string[] {
    if (term !== '') this.#incarnation = `c${term}`;
    if (term !== '') this.#term = Number(term);
    const about = {
      incarnation: this.#incarnation,
      slot: 0,
      config: {},
      fingerprint: 'f',
      layoutDigest: 'l',
      mesh: true,
    };
    return this.#hear({ type: 'welcome', ...this.#envelope(), ...about });
  }

  #gradient(shard: number, step: number, isHeld: boolean): readonly string[] {
    const held = isHeld ? { digest: `g${step + 1}.${shard}`, finite: true } : null;
    const answer = { step, shard, attempt: 0, lossSum: 2, characters: 20, computeMs: 1, weightsDigest: null, held };
    return this.#computed({ type: 'gradient', ...answer, payload: BYTES });
  }

  #update(step: number, journalled: number, exchange: number | null): readonly string[] {
    const shardDigests = [`g${step + 1}.0`];
    const record: StepRecord = { step, loss: 2, characters: 20, gradientNorm: 1, seconds: 0, shardDigests };
    const how = { learningRate: 0.1, exchange, scale: 1, digest: true, record, journalled };
    return this.#hear({ type: 'update', ...this.#envelope(), step, ...how }, exchange === null ? [BYTES] : []);
  }

  #pass(durationMs: number): readonly string[] {
    const lines: string[] = [];
    const untilMs = this.#nowMs + durationMs;
    while (this.#nowMs < untilMs) {
      this.#nowMs += TICK_MS;
      const happened = this.#event({ type: 'tick' });
      if (happened.length > 0) lines.push(`(at ${this.#nowMs / 1000} s)`, ...happened);
    }
    return lines;
  }
}
