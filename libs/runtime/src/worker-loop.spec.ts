/** The worker's loop between a transport and an engine that do what a test says. */
import { LockstepError } from '@lockstep/config';
import { decodeWorkerMessage, encodeMessage } from '@lockstep/protocol';
import type { ComputeResult, ComputeTask, CoordinatorMessage, Times, WorkerMessage } from '@lockstep/protocol';
import { digestOf } from '@lockstep/reduce';
import { describe, expect, it } from 'vitest';
import type { ClientEvent, ClientTransport, Clock, Frames } from './ports.js';
import { WorkerLoop } from './worker-loop.js';

const ENVELOPE = { run: 'run-1', term: 1, membership: 1 };
const WELCOME = {
  type: 'welcome',
  ...ENVELOPE,
  ...{ incarnation: 'i', slot: 0, config: {}, fingerprint: 'f', layoutDigest: 'l', mesh: false },
} as const;
const PREPARED = {
  type: 'prepared',
  ...{ fingerprint: 'f', layoutDigest: 'l', computeClass: 'c' },
  ...{ engine: 'e', device: 'd', replica: null },
} as const;
const RECORD = { step: 3, loss: 1, characters: 1, gradientNorm: 1, seconds: 1, shardDigests: ['d'] };

class Line implements ClientTransport {
  readonly sent: WorkerMessage[] = [];
  /** Of the messages that say how long something took. */
  readonly times: (readonly [type: string, times: Times])[] = [];
  readonly reconnects: string[] = [];
  conversation = 0;
  #sequence = 0;
  #handler: (event: ClientEvent) => void = () => undefined;

  send(frames: Frames): void {
    const letter = decodeWorkerMessage(digestOf, frames);
    if ('problem' in letter) throw new Error(letter.what);
    if (letter.stamp.conversation !== this.conversation) this.#sequence = 0;
    this.conversation = letter.stamp.conversation;
    this.sent.push(letter.message);
    if (letter.times !== undefined) this.times.push([letter.message.type, letter.times]);
  }

  onEvent(handler: (event: ClientEvent) => void): void {
    this.#handler = handler;
  }

  reconnect(reason: string): void {
    this.reconnects.push(reason);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  emit(event: ClientEvent): void {
    this.#handler(event);
  }

  say(message: CoordinatorMessage, payload: readonly Uint8Array[] = []): Frames {
    const stamp = { conversation: this.conversation, sequence: this.#sequence };
    this.#sequence += 1;
    const frames = encodeMessage(digestOf, message, stamp, payload);
    this.emit({ type: 'message', frames });
    return frames;
  }
}

class Bench {
  readonly line = new Line();
  readonly points: string[] = [];
  readonly notes: string[] = [];
  readonly tasks: ComputeTask[] = [];
  nowMs = 0;
  failsAt: string | undefined;
  readonly #answers: { resolve: (result: ComputeResult) => void; reject: (error: unknown) => void }[] = [];
  readonly loop: WorkerLoop;
  readonly ended: Promise<unknown>;

  constructor() {
    const clock: Clock = { now: () => this.nowMs, after: () => () => undefined };
    const submit = (task: ComputeTask): Promise<ComputeResult> => {
      this.tasks.push(task);
      return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
    };
    const note = (what: string): void => void this.notes.push(what);
    const faultPoint = (point: string, { step, shard }: { step?: number; shard?: number }): void => {
      this.points.push([point, step, shard].filter((part) => part !== undefined).join(' '));
      if (point === this.failsAt) throw new Error(point);
    };
    this.loop = new WorkerLoop(
      {
        transport: this.line,
        clock,
        compute: { submit },
        digest: digestOf,
        note,
        lastLines: () => this.notes,
        mesh: null,
        faultPoint,
      },
      {
        ...{
          coordinator: 'tcp://c:1',
          run: null,
          softwareVersion: '0',
          name: 'w',
          supervised: false,
          host: 'h',
          pid: 1,
        },
        ...{ connectDeadlineMs: 1000, silenceLimitMs: 1000, awayLimitMs: 1000 },
      },
    );
    this.ended = this.loop.run();
  }

  /** Answers the oldest task, and lets the answer arrive. */
  async answer(result: ComputeResult): Promise<void> {
    this.#answers.shift()?.resolve(result);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async refuse(error: unknown): Promise<void> {
    this.#answers.shift()?.reject(error);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async synced(): Promise<this> {
    this.line.emit({ type: 'connected' });
    this.line.say(WELCOME);
    await this.answer(PREPARED);
    const part = { step: 3, optimizerSteps: 3, slots: [], digest: 'w3', part: 0, parts: 1 };
    this.line.say({ type: 'replica', ...ENVELOPE, ...part }, [new Uint8Array(4)]);
    await this.answer({ type: 'loaded', step: 3, digest: 'w3' });
    return this;
  }
}

const saidBy = ({ line }: Bench): string[] => line.sent.map(({ type }) => type);

describe('WorkerLoop', () => {
  it('turns bytes into tasks and results into bytes, and passes the fault points in their order', async () => {
    const bench = await new Bench().synced();
    const assign = { step: 3, shard: 1, attempt: 0, rows: 1, digest: false, ship: true };
    bench.line.say({ type: 'assign', ...ENVELOPE, ...assign }, [new Uint8Array(8)]);
    const about = { step: 3, shard: 1, attempt: 0, lossSum: 1, characters: 2, computeMs: 1, weightsDigest: null };
    const held = null;
    await bench.answer({ type: 'gradient', ...about, held, payload: new Uint8Array(12) });
    const update = {
      step: 3,
      learningRate: 0.1,
      exchange: null,
      scale: 1,
      digest: false,
      record: RECORD,
      journalled: 3,
    };
    bench.line.say({ type: 'update', ...ENVELOPE, ...update }, [new Uint8Array(12)]);
    await bench.answer({ type: 'applied', step: 3, digest: null });
    bench.line.say({ type: 'snapshot-request', ...ENVELOPE, step: 4 });
    bench.loop.requestLeave();
    expect(bench.tasks.map(({ type }) => type)).toEqual(['prepare', 'load', 'gradient', 'apply', 'snapshot']);
    expect(saidBy(bench).filter((type) => type !== 'heartbeat')).toEqual([
      'hello',
      'ready',
      'synced',
      'gradient',
      'applied',
      'leave',
    ]);
    expect(bench.points).toEqual(['W1', 'W2', 'W4 0', 'W3 3', 'W5 3 1', 'W8 3 1', 'W9 3 1', 'W10 3', 'W11 4', 'W12']);
  });

  it('says how long each task waited for those before it, and how long it took', async () => {
    const bench = await new Bench().synced();
    const assign = { step: 3, attempt: 0, rows: 1, digest: false, ship: true };
    const about = { step: 3, attempt: 0, lossSum: 1, characters: 2, computeMs: 1, weightsDigest: null, held: null };
    bench.nowMs = 100;
    for (const shard of [0, 1]) {
      bench.line.say({ type: 'assign', ...ENVELOPE, ...assign, shard }, [new Uint8Array(8)]);
    }
    for (const shard of [0, 1]) {
      bench.nowMs += 30.00049;
      await bench.answer({ type: 'gradient', ...about, shard, payload: new Uint8Array(12) });
    }
    expect(bench.line.times).toEqual([
      ['ready', { waitedMs: 0, workedMs: 0 }],
      ['synced', { waitedMs: 0, workedMs: 0 }],
      ['gradient', { waitedMs: 0, workedMs: 30 }],
      ['gradient', { waitedMs: 30, workedMs: 30 }],
    ]);
  });

  it("keeps the parts of a replica, whose memory was the transport's", async () => {
    const bench = new Bench();
    bench.line.emit({ type: 'connected' });
    bench.line.say(WELCOME);
    await bench.answer(PREPARED);
    const about = { step: 3, optimizerSteps: 3, slots: [], digest: 'w3', parts: 2 };
    for (const part of [0, 1]) {
      const frames = bench.line.say({ type: 'replica', ...ENVELOPE, ...about, part }, [Uint8Array.of(part + 1)]);
      frames[1]?.fill(9);
    }
    expect(bench.tasks[1]).toMatchObject({ type: 'load', payload: [Uint8Array.of(1), Uint8Array.of(2)] });
  });

  it('breaks the connection off for bytes that are damaged, and ends for another version', async () => {
    const bench = await new Bench().synced();
    bench.line.emit({ type: 'message', frames: [Uint8Array.of(1, 2, 3)] });
    expect(bench.line.reconnects).toHaveLength(1);
    bench.line.emit({ type: 'disconnected', reason: 'as asked' });
    bench.line.emit({ type: 'connected' });
    bench.line.emit({ type: 'message', frames: [new TextEncoder().encode('lockstep/1 {}')] });
    expect(await bench.ended).toMatchObject({ result: 'failed', failure: { kind: 'protocol' } });
  });

  it('looks for the coordinator at once when nudged, unless it has one', async () => {
    const bench = await new Bench().synced();
    bench.loop.nudge();
    expect(bench.line.reconnects).toEqual([]);
    bench.line.emit({ type: 'disconnected', reason: 'gone' });
    bench.loop.nudge();
    expect(bench.line.reconnects).toHaveLength(1);
    expect(bench.notes).toContain('disconnected: gone');
  });

  it('ends with the failure of its engine, which the coordinator is told', async () => {
    const bench = await new Bench().synced();
    bench.line.say({ type: 'snapshot-request', ...ENVELOPE, step: 3 });
    await bench.refuse(new LockstepError('unavailable', 'no engine', 'install it'));
    const failure = { kind: 'unavailable', what: 'no engine', hint: 'install it' };
    expect(bench.notes).not.toEqual([]);
    expect(bench.line.sent.at(-1)).toMatchObject({ type: 'failed', failure, log: bench.notes });
    expect(await bench.ended).toEqual({ result: 'failed', failure });
  });

  it('takes nothing more once it has failed, though its connection lives until all is flushed', async () => {
    const bench = new Bench();
    bench.failsAt = 'W2';
    bench.line.emit({ type: 'connected' });
    bench.line.say(WELCOME);
    await expect(bench.ended).rejects.toThrow('W2');
    const stack = expect.stringMatching(/^Error: W2/) as unknown;
    const told = { type: 'failed', failure: { kind: 'internal', what: 'W2' }, stack };
    expect(bench.line.sent.at(-1)).toMatchObject(told);
    expect(bench.tasks).toEqual([]);
    bench.line.say(WELCOME);
    expect(bench.tasks).toEqual([]);
  });

  it('leaves at once when asked for the second time', async () => {
    const bench = await new Bench().synced();
    bench.loop.requestLeave();
    bench.loop.requestLeave();
    expect(await bench.ended).toEqual({ result: 'left' });
  });
});
