/** A builder is told what a loop would tell it, at times that are made up here, and its events are looked at. */
import type { CoordinatorMessage, Times, WorkerMessage } from '@lockstep/protocol';
import type { Moment } from '@lockstep/runtime';
import { describe, expect, it } from 'vitest';
import { TraceBuilder } from './trace-builder.js';
import type { TraceEvent } from './trace-event.js';

const ENVELOPE = { run: 'r', term: 1, membership: 1 };
const ORIGIN_MS = 5_000;
const RECORD = { loss: 3.5, characters: 80, gradientNorm: 1.5, seconds: 0.2, shardDigests: ['a', 'b'] };

class Story {
  readonly events: TraceEvent[] = [];
  readonly builder = new TraceBuilder(ORIGIN_MS, { run: 'r' }, (event) => this.events.push(event));

  tell(moment: Moment): this {
    this.builder.take(moment);
    return this;
  }

  sent(peer: string, atMs: number, message: CoordinatorMessage, bytes = 100, tookMs = 1): this {
    const endedMs = ORIGIN_MS + atMs;
    return this.tell({ type: 'sent', peer, message, bytes, beganMs: endedMs - tookMs, endedMs });
  }

  received(peer: string, atMs: number, message: WorkerMessage, bytes = 100, times?: Times): this {
    return this.tell({ type: 'received', peer, message, bytes, times, vitals: undefined, atMs: ORIGIN_MS + atMs });
  }

  join(peer: string, slot: number, name = `local-${slot}`): this {
    const about = { protocolVersion: 8, softwareVersion: '0', run: null, obeyed: null, supervised: true, pid: 9 };
    const setup = { slot, incarnation: 'i', config: {}, fingerprint: 'f', layoutDigest: 'l', mesh: true };
    return this.received(peer, 0, { type: 'hello', ...about, name, host: 'box' }).sent(peer, 1, {
      type: 'welcome',
      ...ENVELOPE,
      ...setup,
    });
  }

  assign(peer: string, atMs: number, shard: number): this {
    const about = { step: 0, shard, attempt: 0, rows: 4, digest: false, ship: true };
    return this.sent(peer, atMs, { type: 'assign', ...ENVELOPE, ...about });
  }

  gradient(peer: string, atMs: number, shard: number, times: Times): this {
    const about = { step: 0, shard, attempt: 0, lossSum: 120, characters: 40, computeMs: 30, weightsDigest: null };
    return this.received(peer, atMs, { type: 'gradient', ...ENVELOPE, ...about, held: null }, 100, times);
  }

  update(peer: string, atMs: number, exchange: number | null = null): this {
    const about = { step: 0, learningRate: 0.1, exchange, scale: 1, digest: false, journalled: 0 };
    return this.sent(peer, atMs, { type: 'update', ...ENVELOPE, ...about, record: { step: 0, ...RECORD } });
  }

  applied(peer: string, atMs: number, times: Times): this {
    return this.received(peer, atMs, { type: 'applied', ...ENVELOPE, step: 0, digest: null }, 100, times);
  }

  began(step: number, atMs: number): this {
    return this.tell({ type: 'step-begun', step, shards: 2, atMs: ORIGIN_MS + atMs });
  }

  /** Name of the row, then name, beginning and end of the spans in it, in milliseconds. */
  get spans(): readonly (readonly unknown[])[] {
    return this.events.flatMap((event) =>
      event.ph === 'X'
        ? [[this.rowOf(event), event.name, event.cat, event.ts / 1000, (event.ts + event.dur) / 1000] as const]
        : [],
    );
  }

  get markers(): readonly (readonly unknown[])[] {
    return this.events.flatMap((event) => (event.ph === 'i' ? [[this.processOf(event), event.name, event.s]] : []));
  }

  argsOf(name: string): unknown {
    return this.events.find((event) => event.name === name)?.args;
  }

  processOf({ pid }: TraceEvent): string {
    const named = this.events.find((event) => event.ph === 'M' && event.name === 'process_name' && event.pid === pid);
    return String(named?.args['name']);
  }

  rowOf(event: TraceEvent): string {
    const named = this.events.find(({ ph, name, tid }) => ph === 'M' && name === 'thread_name' && tid === event.tid);
    return `${this.processOf(event)}: ${String(named?.args['name'])}`;
  }
}

describe('a step that the coordinator sums', () => {
  const story = new Story().join('a', 0).join('b', 1).began(0, 10).assign('a', 12, 0).assign('b', 13, 1);
  story.gradient('a', 54, 0, { waitedMs: 0, workedMs: 40 }).gradient('b', 65, 1, { waitedMs: 10, workedMs: 40 });
  for (const shard of [1, 0]) {
    const times = { beganMs: ORIGIN_MS + 66 - shard, endedMs: ORIGIN_MS + 67 - shard };
    story.tell({ type: 'collected', step: 0, shard, bytes: 90, ...times });
  }
  story.tell({ type: 'reduced', step: 0, beganMs: ORIGIN_MS + 67, endedMs: ORIGIN_MS + 69 });
  story.update('a', 70).update('b', 71).applied('a', 77, { waitedMs: 0, workedMs: 5 });

  it('has a row for every place where something happens', () => {
    const first = 'worker 0 (local-0 on box)';
    const second = 'worker 1 (local-1 on box)';
    expect(story.spans).toEqual([
      [`${first}: data`, 'data', 'data', 11, 12],
      [`${second}: data`, 'data', 'data', 12, 13],
      [`${first}: dispatch`, 'dispatch', 'dispatch', 12, 13],
      [`${first}: engine`, 'compute', 'compute', 13, 53],
      [`${first}: transfer out`, 'transfer', 'transfer', 53, 54],
      [`${second}: dispatch`, 'dispatch', 'dispatch', 13, 14],
      [`${second}: engine`, 'compute', 'compute', 24, 64],
      [`${second}: transfer out`, 'transfer', 'transfer', 64, 65],
      [`${second}: reduce`, 'reduce', 'reduce', 65, 66],
      [`${first}: reduce`, 'reduce', 'reduce', 66, 67],
      ['coordinator: reduce', 'reduce', 'reduce', 67, 69],
      ['coordinator: step', 'step', 'step', 10, 70],
      [`${first}: transfer in`, 'transfer', 'transfer', 70, 71],
      [`${first}: engine`, 'apply', 'apply', 71, 76],
    ]);
  });

  it('says which step, shard and loss; steps count from 1, as everywhere a person looks', () => {
    expect(story.argsOf('compute')).toEqual({
      ...{ step: 1, shard: 0, attempt: 0, loss: 3, characters: 40, modelMs: 30 },
    });
    expect(story.argsOf('step')).toMatchObject({ step: 1, loss: 3.5, gradientNorm: 1.5, topology: 'star' });
    expect(story.argsOf('dispatch')).toMatchObject({ bytes: 100 });
  });
});

it('shows the way of a gradient that was held until it was asked for', () => {
  const story = new Story().join('a', 0).began(0, 10);
  const about = { step: 0, shard: 1, attempt: 0 };
  story.sent('a', 20, { type: 'ship', ...ENVELOPE, ...about });
  story.received('a', 60, { type: 'shipped', ...ENVELOPE, ...about }, 1e9, { waitedMs: 0, workedMs: 0 });
  story.tell({ type: 'collected', step: 0, shard: 1, bytes: 90, beganMs: ORIGIN_MS + 60, endedMs: ORIGIN_MS + 61 });
  const [way, ...rest] = story.spans;
  const [row, name, , begunMs, endedMs] = way ?? [];
  expect([row, name, endedMs]).toEqual(['worker 0 (local-0 on box): transfer out', 'transfer', 60]);
  expect(begunMs).toBeCloseTo(20, 1);
  expect(rest).toEqual([['worker 0 (local-0 on box): reduce', 'reduce', 'reduce', 60, 61]]);
  expect(story.argsOf('transfer')).toEqual({
    what: 'gradient that was held',
    step: 1,
    shard: 1,
    attempt: 0,
    bytes: 1e9,
  });
});

it('shows an exchange among workers as such, beside the engine', () => {
  const story = new Story().join('a', 0).began(0, 10);
  const members = [{ peer: 'a', endpoint: 'tcp://a:1', sharing: null }];
  const about = { step: 0, exchange: 4, members, holders: [0], wire: 'float32', length: 8, characters: 80 } as const;
  story.sent('a', 20, { type: 'exchange', ...ENVELOPE, ...about });
  const done = { type: 'exchanged', ...ENVELOPE, step: 0, exchange: 4, squares: [] } as const;
  story.received('a', 32, done, 100, { waitedMs: 0, workedMs: 10 }).update('a', 33, 4);
  expect(story.spans).toEqual([
    ['worker 0 (local-0 on box): reduce', 'exchange', 'reduce', 21, 31],
    ['coordinator: step', 'step', 'step', 10, 33],
  ]);
  expect(story.argsOf('exchange')).toMatchObject({ step: 1, members: 1, values: 8 });
});

it('shows a snapshot as work and, once its last part has come, as a transfer', () => {
  const story = new Story().join('a', 0).sent('a', 20, { type: 'snapshot-request', ...ENVELOPE, step: 3 });
  const about = { step: 3, optimizerSteps: 3, slots: [], digest: 'd', parts: 2 };
  const times = { waitedMs: 0, workedMs: 6 };
  story.received('a', 30, { type: 'snapshot', ...ENVELOPE, ...about, part: 0 }, 100, times);
  expect(story.spans).toHaveLength(1);
  story.received('a', 40, { type: 'snapshot', ...ENVELOPE, ...about, part: 1 }, 100, times);
  story.tell({ type: 'saved', step: 3, beganMs: ORIGIN_MS + 41, endedMs: ORIGIN_MS + 50 });
  expect(story.spans).toEqual([
    ['worker 0 (local-0 on box): engine', 'checkpoint', 'checkpoint', 22, 28],
    ['worker 0 (local-0 on box): transfer out', 'transfer', 'transfer', 28, 40],
    ['coordinator: checkpoint', 'checkpoint', 'checkpoint', 41, 50],
  ]);
  expect(story.argsOf('transfer')).toMatchObject({ what: 'snapshot', bytes: 200 });
  expect(story.markers).toContainEqual(['coordinator', 'checkpoint on the disk', 'p']);
});

it('marks who comes, goes, and is late, at the worker it is about', () => {
  const story = new Story().join('a', 0);
  const said = (status: 'ready' | 'waiting' | 'left'): void => {
    story.tell({ type: 'reported', report: { type: 'worker', slot: 0, status, detail: '' }, atMs: ORIGIN_MS });
  };
  const lost = { peer: 'a', name: 'n', host: 'h', pid: 1, said: null, stack: '', log: [] };
  const late = { type: 'late', slot: 0, name: 'n', host: 'h', step: 2, activity: 'computing' } as const;
  said('ready');
  story.tell({ type: 'reported', report: { ...late, waitedMs: 9, medians: 4 }, atMs: ORIGIN_MS });
  said('waiting');
  said('ready');
  const gone = { type: 'worker', slot: 0, status: 'gone', detail: '', lost } as const;
  story.tell({ type: 'reported', report: gone, atMs: ORIGIN_MS });
  said('left');
  const topology = { type: 'topology', topology: 'mesh', why: 'asked for' } as const;
  story.tell({ type: 'reported', report: topology, atMs: ORIGIN_MS });
  const worker = 'worker 0 (local-0 on box)';
  expect(story.markers).toEqual([
    ['coordinator', 'profile begins', 'p'],
    ...['join', 'late', 'back', 'fault: worker lost', 'leave'].map((name) => [worker, name, 'p']),
    ['coordinator', 'topology: mesh', 'g'],
  ]);
});

describe('workers that come and go', () => {
  it('find their rows again by name, and others get rows of their own', () => {
    const story = new Story().join('a', 0).join('b', 0).began(0, 5).assign('b', 10, 0);
    story.join('c', 0, 'other').assign('c', 20, 1);
    expect(story.spans.map(([row]) => row)).toEqual([
      'worker 0 (local-0 on box): data',
      'worker 0 (other on box): data',
    ]);
    const names = story.events.filter(({ name }) => name === 'process_name');
    expect(names).toHaveLength(3);
  });

  it('answer nothing that was ordered before they were lost', () => {
    const story = new Story().join('a', 0).assign('a', 10, 0).join('a', 0);
    story.gradient('a', 20, 0, { waitedMs: 0, workedMs: 1 });
    expect(story.spans.map(([, name]) => name)).toEqual(['data']);
  });
});

it('never lets spans of a row overlap, however the estimates fall', () => {
  const story = new Story().join('a', 0).began(0, 0);
  for (let shard = 0; shard < 4; shard += 1) story.assign('a', 1, shard);
  for (let shard = 0; shard < 4; shard += 1) story.gradient('a', 30 + shard, shard, { waitedMs: 0, workedMs: 25 });
  const ends = new Map<unknown, number>();
  for (const [row, , , began, ended] of story.spans) {
    expect(began).toBeGreaterThanOrEqual(ends.get(row) ?? 0);
    ends.set(row, Number(ended));
  }
  expect(story.spans.filter(([, name]) => name === 'compute')).toHaveLength(4);
});
