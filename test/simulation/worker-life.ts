/** One process of one worker, from its start to its end, with the real loop and machine inside. */
import { LIMITS, toLockstepError } from '@lockstep/config';
import type { ComputeTask, WorkerOutcome } from '@lockstep/protocol';
import type { Wire } from '@lockstep/reduce';
import { WorkerLoop } from '@lockstep/runtime';
import type { PeerLinkMaker } from '@lockstep/runtime';
import type { MemoryNetwork } from '@lockstep/transport/memory';
import type { ComputeTaskType } from './options.js';
import { ToyCompute } from './toy-compute.js';
import type { Lie } from './toy-compute.js';
import type { Reference } from './toy-model.js';
import { spy } from './trace.js';
import type { Trace } from './trace.js';
import { VirtualProcess } from './virtual-process.js';
import type { VirtualClock } from './virtual-clock.js';

export const ENDPOINT = 'memory://coordinator';
export const MAX_FRAME_BYTES = 1 << 16;
export const RUN = 'run';

/** What all processes of a simulation share. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly digest: (bytes: Uint8Array) => string;
  readonly reference: Reference;
  readonly wire: Wire;
  readonly trace: Trace | undefined;
  violated(what: string): void;
}

export interface WorkerSetting {
  readonly peer: string;
  readonly name: string;
  readonly supervised: boolean;
  durationMs(type: ComputeTaskType): number;
  onBegin(life: WorkerLife, task: ComputeTask): void;
  onLie(lie: Lie): void;
  /** How the process ended by itself. */
  onExit(life: WorkerLife, outcome: WorkerOutcome): void;
}

export class WorkerLife {
  readonly peer: string;
  readonly name: string;
  readonly supervised: boolean;
  readonly process: VirtualProcess;
  readonly compute: ToyCompute;
  readonly #loop: WorkerLoop;
  readonly #world: Surroundings;

  constructor(world: Surroundings, setting: WorkerSetting) {
    const { peer, name, supervised } = setting;
    const { clock, network, digest, reference, wire, trace, violated } = world;
    this.#world = world;
    this.peer = peer;
    this.name = name;
    this.supervised = supervised;
    this.process = new VirtualProcess(peer, clock);
    const inner = network.connect({ endpoint: ENDPOINT, peerId: peer, maxFrameBytes: MAX_FRAME_BYTES });
    this.process.onEnd(() => void inner.close(0));
    this.compute = new ToyCompute({
      ...{ process: this.process, digest, reference, wire, violated },
      durationMs: (type) => setting.durationMs(type),
      onBegin: (task) => setting.onBegin(this, task),
      onLie: (lie) => setting.onLie(lie),
    });
    const transport = spy(trace, peer, this.process.connect(inner));
    const note = (what: string): void => trace?.add(peer, what);
    const mesh = { maker: this.#links(), self: peer, shared: null, blockLength: 16 };
    this.#loop = new WorkerLoop(
      { transport, clock: this.process.clock, compute: this.compute, digest, note, mesh },
      {
        ...{ coordinator: ENDPOINT, run: RUN, softwareVersion: '1', name, supervised, host: 'host', pid: 1 },
        connectDeadlineMs: LIMITS.connectDeadlineMs,
        silenceLimitMs: LIMITS.peerSilenceMs,
        awayLimitMs: LIMITS.coordinatorAwayMs,
      },
    );
    this.#loop.run().then(
      (outcome) => this.process.enter(() => this.#exit(() => inner.close(LIMITS.lingerMs), outcome, setting)),
      (error: unknown) => violated(`${peer} threw ${toLockstepError(error).stack ?? ''}`),
    );
  }

  /** The way to other workers, over the same network. */
  #links(): PeerLinkMaker {
    const { network } = this.#world;
    const bounds = { host: this.peer, maxFrameBytes: MAX_FRAME_BYTES };
    return {
      bind: async () => {
        const server = network.bind({ endpoint: `memory://${this.peer}`, ...bounds });
        this.process.onEnd(() => void server.close(0));
        return this.process.serve(server);
      },
      connect: (endpoint, peerId) => {
        const client = network.connect({ endpoint, peerId, ...bounds });
        this.process.onEnd(() => void client.close(0));
        return this.process.connect(client);
      },
    };
  }

  requestLeave(): void {
    this.process.enter(() => this.#loop.requestLeave());
  }

  #exit(close: () => Promise<void>, outcome: WorkerOutcome, { onExit }: WorkerSetting): void {
    this.#world.trace?.add(this.peer, `exits: ${JSON.stringify(outcome)}`);
    void close().then(() =>
      this.process.enter(() => {
        this.process.end();
        onExit(this, outcome);
      }),
    );
  }
}
