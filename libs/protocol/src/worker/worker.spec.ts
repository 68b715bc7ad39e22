import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import { gradientOf, recordOf, syncedWorker, WorkerHarness } from '../testing/worker-harness.js';

/** Step, part and number of parts. */
type Part = [number, number, number];

const RECONNECT = expect.objectContaining({ type: 'reconnect' });

describe('a worker', () => {
  it('says hello when connected, prepares when welcomed, says ready, loads, says synced', () => {
    const worker = new WorkerHarness({ run: null });
    expect(worker.event({ type: 'connected' })).toMatchObject([
      {
        type: 'send',
        message: { type: 'hello', run: null, obeyed: null, name: 'w', supervised: true },
        stamp: { conversation: 1, sequence: 0 },
      },
    ]);
    expect(worker.welcome()).toMatchObject([
      { type: 'note' },
      { type: 'compute', conversation: 1, task: { type: 'prepare' } },
    ]);
    expect(worker.prepared()).toMatchObject([
      { message: { type: 'ready', replica: null, records: [] }, stamp: { conversation: 1, sequence: 1 } },
    ]);
    expect(worker.receive(worker.part(3, 0, 1))).toMatchObject([
      { task: { type: 'load', step: 3, optimizerSteps: 3, slots: ['m'] } },
    ]);
    expect(worker.computed({ type: 'loaded', step: 3, digest: 'w3' })).toMatchObject([
      { message: { type: 'synced', step: 3, digest: 'w3', run: 'run-1', term: 1 }, stamp: { sequence: 2 } },
    ]);
    expect(worker.state).toMatchObject({ phase: 'synced', step: 3 });
  });

  it('computes, applies once and in order, and answers with what was computed', () => {
    const worker = syncedWorker();
    expect(worker.receive(worker.assign(0, 1))).toMatchObject([
      { task: { type: 'gradient', assign: { shard: 1 } } },
      { message: { type: 'heartbeat', activity: 'computing' } },
    ]);
    const result = { ...gradientOf(0, 1), weightsDigest: 'w0' };
    expect(worker.computed(result)).toMatchObject([
      { message: { type: 'gradient', shard: 1, weightsDigest: 'w0', run: 'run-1' }, payload: [result.payload] },
    ]);
    expect(worker.receive(worker.update(0))).toMatchObject([{ task: { type: 'apply' } }]);
    expect(worker.computed({ type: 'applied', step: 0, digest: 'w1' })).toMatchObject([
      { message: { type: 'applied', step: 0, digest: 'w1' } },
    ]);
    expect(worker.state.step).toBe(1);
  });

  it('takes work for the next step while it still applies this one', () => {
    const worker = syncedWorker();
    worker.receive(worker.update(0));
    expect(worker.receive(worker.assign(1))).toMatchObject([{ task: { type: 'gradient' } }]);
  });

  it('evaluates and samples with the replica it has', () => {
    const worker = syncedWorker();
    const envelope = { run: 'run-1', term: 1, membership: 1 };
    const evaluate = { type: 'evaluate', ...envelope, evaluation: 2, index: 1, rows: 4 } as const;
    expect(worker.receive(evaluate)).toMatchObject([{ task: { type: 'evaluate' } }]);
    const sample = { type: 'sample', ...envelope, prime: [1], length: 1, temperature: 1, seed: 1 } as const;
    expect(worker.receive(sample, [])).toMatchObject([{ task: { type: 'sample' } }]);
    const evaluated = { type: 'evaluated', evaluation: 2, index: 1, lossSum: 1, characters: 2 } as const;
    expect(worker.computed(evaluated)).toMatchObject([{ message: evaluated }]);
    const payload = new Uint8Array(8);
    expect(worker.computed({ type: 'sampled', payload })).toMatchObject([{ message: {}, payload: [payload] }]);
  });

  it('ships a snapshot in parts, each with its own stamp', () => {
    const worker = syncedWorker();
    const envelope = { run: 'run-1', term: 1, membership: 1 };
    const asked = worker.receive({ type: 'snapshot-request', ...envelope, step: 0 }, []);
    expect(asked).toMatchObject([{ task: { type: 'snapshot', step: 0 } }]);
    const payload = new Uint8Array(2 * LIMITS.replicaPartBytes + 4);
    const about = { step: 0, optimizerSteps: 0, slots: ['m'], digest: 'w0' };
    const said = worker.computed({ type: 'snapshot', ...about, payload });
    expect(said).toMatchObject(
      [0, 1, 2].map((part) => ({
        message: { type: 'snapshot', ...about, part, parts: 3 },
        stamp: { conversation: 1, sequence: 3 + part },
      })),
    );
    const sizes = said.map((action) => (action.type === 'send' ? action.payload[0]?.byteLength : undefined));
    expect(sizes).toEqual([LIMITS.replicaPartBytes, LIMITS.replicaPartBytes, 4]);
  });

  it('ships the failure of its engine, with the stack, cut to what a message holds', () => {
    const failure = { kind: 'unavailable', what: 'x'.repeat(5000), hint: 'install' } as const;
    const actions = syncedWorker().event({ type: 'compute-failed', failure, stack: 'at x' });
    expect(actions).toMatchObject([
      { message: { type: 'failed', run: 'run-1', failure: { what: 'x'.repeat(4000) }, stack: 'at x' } },
      { type: 'end', outcome: { result: 'failed', failure } },
    ]);
  });

  it('ends for a failure of its engine while it is away, too, and says it to nobody', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    const failure = { kind: 'internal', what: 'out of paper', hint: '' } as const;
    expect(worker.event({ type: 'compute-failed', failure, stack: '' })).toEqual([
      { type: 'end', outcome: { result: 'failed', failure } },
    ]);
  });

  it('does nothing after its end', () => {
    const worker = syncedWorker();
    worker.receive(worker.stop('done'), []);
    expect(worker.event({ type: 'connected' })).toEqual([]);
    expect(worker.event({ type: 'tick' })).toEqual([]);
  });
});

describe('stamps', () => {
  it('drop a message that came twice, and what is late', () => {
    const worker = syncedWorker();
    worker.advance();
    const sequence = worker.next - 1;
    expect(worker.receiveStamped(worker.update(0), 1, sequence)).toMatchObject([{ type: 'note' }]);
    expect(worker.receiveStamped(worker.update(1), 1, 0)).toMatchObject([{ type: 'note' }]);
    expect(worker.state).toMatchObject({ step: 1, phase: 'synced', breaches: 0 });
    expect(worker.receive(worker.update(1))).toMatchObject([{ task: { type: 'apply' } }]);
  });

  it('begin the conversation anew when messages are missing, and keep the replica', () => {
    const worker = syncedWorker();
    const actions = worker.receiveStamped(worker.update(0), 1, worker.next + 1);
    expect(actions).toMatchObject([{ type: 'note', what: '1 message before update got lost' }, { type: 'reconnect' }]);
    expect(worker.state).toMatchObject({ phase: 'away', step: 0, breaches: 0 });
    expect(worker.event({ type: 'disconnected', reason: 'as asked for' })).toEqual([]);
    expect(worker.event({ type: 'connected' })).toMatchObject([
      { message: { type: 'hello', obeyed: { term: 1, incarnation: 'i-1' } }, stamp: { conversation: 2, sequence: 0 } },
    ]);
    worker.welcome();
    expect(worker.prepared()).toMatchObject([{ message: { type: 'ready', replica: { step: 0 } } }]);
  });

  it('never let gaps alone end a worker', () => {
    const worker = syncedWorker();
    for (let count = 0; count < 3 * LIMITS.breachesMax; count += 1) {
      expect(worker.receiveStamped(worker.heartbeat(), worker.state.conversation, worker.next + 5)).toContainEqual(
        RECONNECT,
      );
      worker.ready();
    }
    expect(worker.state).toMatchObject({ phase: 'unsynced', step: 0 });
  });

  it('drop what belongs to another conversation, refusals and stops included', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    const failure = { kind: 'protocol', what: 'other version', hint: '' } as const;
    expect(worker.receiveStamped(worker.stop('failed'), 1, worker.next, [])).toMatchObject([{ type: 'note' }]);
    worker.event({ type: 'connected' });
    for (const conversation of [0, 1, 3]) {
      expect(worker.receiveStamped(worker.stop('failed'), conversation, 0, [])).toMatchObject([{ type: 'note' }]);
      expect(worker.receiveStamped({ type: 'refuse', failure }, conversation, 0, [])).toMatchObject([{ type: 'note' }]);
    }
    expect(worker.state.phase).toBe('greeting');
    expect(worker.receiveStamped({ type: 'refuse', failure }, 2, 0, [])).toMatchObject([{ outcome: { failure } }]);
  });

  it('drop results of an earlier conversation', () => {
    const worker = syncedWorker();
    worker.receive(worker.assign(0));
    worker.receive(worker.update(0));
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(worker.computed(gradientOf(0, 0), 1)).toEqual([]);
    worker.event({ type: 'connected' });
    worker.welcome();
    expect(worker.computed({ type: 'applied', step: 0, digest: null }, 1)).toEqual([]);
    expect(worker.prepared()).toMatchObject([{ message: { type: 'ready', replica: { step: 1 } } }]);
  });
});

describe('a run and its terms', () => {
  it.each([
    ['another run', { run: 'run-2' }],
    ['an earlier term', { term: 4 }],
    ['another coordinator of the same term', { incarnation: 'i-2' }],
  ])('ignore the welcome of %s', (_, odd) => {
    const worker = new WorkerHarness({ run: null });
    worker.event({ type: 'connected' });
    worker.welcome({ term: 5 });
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.event({ type: 'connected' });
    const actions = worker.welcome({ term: 5, ...odd });
    expect(actions).toEqual([{ type: 'note', what: expect.stringContaining('ignored') }]);
    expect(worker.state).toMatchObject({ phase: 'greeting', envelope: { run: 'run-1', term: 5 }, incarnation: 'i-1' });
  });

  it('ignore work of an earlier term within a conversation', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    worker.welcome({ term: 2 });
    worker.prepared();
    expect(worker.receive(new WorkerHarness().part(0, 0, 1))).toMatchObject([{ type: 'note' }]);
    expect(worker.state).toMatchObject({ phase: 'unsynced', step: null });
  });

  it('obey a later term, whose coordinator finds the replica where it is', () => {
    const worker = syncedWorker();
    worker.advance();
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.event({ type: 'connected' });
    worker.welcome({ term: 2, incarnation: 'i-2' });
    expect(worker.prepared()).toMatchObject([{ message: { term: 2, replica: { step: 1 } } }]);
    expect(worker.receive(worker.assign(1))).toMatchObject([
      { task: { type: 'gradient' } },
      { message: { type: 'heartbeat', activity: 'computing' } },
    ]);
    expect(worker.state.phase).toBe('synced');
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(worker.event({ type: 'connected' })).toMatchObject([
      { message: { obeyed: { term: 2, incarnation: 'i-2' }, run: 'run-1' } },
    ]);
  });

  it('take a later term without a welcome for a breach', () => {
    const worker = syncedWorker();
    const other = new WorkerHarness();
    other.welcome({ term: 2 });
    expect(worker.receive(other.update(0))).toContainEqual(RECONNECT);
    expect(worker.state.step).toBe(0);
  });
});

describe('a replica in parts', () => {
  it('is loaded once all parts have come, in one task', () => {
    const worker = new WorkerHarness().ready();
    const bytes = [0, 1, 2].map((index) => Uint8Array.of(index));
    expect(worker.receive(worker.part(5, 0, 3), bytes.slice(0, 1))).toEqual([]);
    expect(worker.receive(worker.part(5, 1, 3), bytes.slice(1, 2))).toEqual([]);
    expect(worker.state.step).toBeNull();
    expect(worker.receive(worker.part(5, 2, 3), bytes.slice(2))).toMatchObject([
      { task: { type: 'load', step: 5, payload: bytes } },
    ]);
    expect(worker.state).toMatchObject({ step: 5, arriving: null });
  });

  it('begins anew with its first part', () => {
    const worker = new WorkerHarness().ready();
    worker.receive(worker.part(5, 0, 2));
    worker.receive(worker.part(6, 0, 2));
    expect(worker.receive(worker.part(6, 1, 2))).toMatchObject([{ task: { type: 'load', step: 6 } }]);
  });

  it('replaces one that a synced worker holds', () => {
    const worker = syncedWorker();
    expect(worker.receive(worker.part(9, 0, 1))).toMatchObject([{ task: { type: 'load', step: 9 } }]);
    expect(worker.receive(worker.assign(9))).toMatchObject([{ task: { type: 'gradient' } }]);
  });

  it.each([
    ['is of another step', [4, 0, 3], [5, 1, 3]],
    ['is left out', [4, 0, 3], [4, 2, 3]],
    ['comes without its first', [4, 1, 3]],
    ['comes twice', [4, 0, 3], [4, 1, 3], [4, 1, 3]],
    ['is of another number of parts', [4, 0, 3], [4, 1, 4]],
    ['is past the last one', [4, 0, 0]],
  ] satisfies [string, ...Part[]][])('is given up when a part %s', (_, ...parts: Part[]) => {
    const worker = new WorkerHarness().ready();
    const actions = parts.map(([step, part, count]) => worker.receive(worker.part(step, part, count)));
    expect(actions.slice(0, -1).flat()).toEqual([]);
    expect(actions.at(-1)).toContainEqual(RECONNECT);
    expect(worker.state).toMatchObject({ phase: 'away', step: null, arriving: null });
  });

  it('is forgotten when the connection breaks half-way', () => {
    const worker = new WorkerHarness().ready();
    worker.receive(worker.part(4, 0, 2));
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.ready();
    expect(worker.receive(worker.part(4, 1, 2))).toContainEqual(RECONNECT);
  });

  it('must be whole before there is work', () => {
    const worker = syncedWorker();
    worker.receive(worker.part(4, 0, 2));
    expect(worker.receive(worker.assign(0))).toContainEqual(RECONNECT);
  });
});

describe('records', () => {
  it('are kept of every update obeyed until the journal has them, and handed over in ready', () => {
    const worker = syncedWorker();
    worker.advance(0);
    worker.advance(0);
    worker.advance(1);
    expect(worker.state.records.map(({ step }) => step)).toEqual([1, 2]);
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.event({ type: 'connected' });
    worker.welcome();
    expect(worker.prepared()).toMatchObject([
      { message: { type: 'ready', replica: { step: 3 }, records: [recordOf(1), recordOf(2)] } },
    ]);
  });

  it('are bounded: the oldest go', () => {
    const worker = syncedWorker();
    const count = LIMITS.unjournalledSteps * 2;
    for (let step = 0; step < count + 3; step += 1) worker.advance(0);
    expect(worker.state.records).toHaveLength(count);
    expect(worker.state.records[0]?.step).toBe(3);
  });

  it('go with the replica they tell of', () => {
    const worker = syncedWorker();
    worker.advance(0);
    worker.receive(worker.part(7, 0, 1));
    expect(worker.state.records).toEqual([]);
  });
});

describe('what has no place in the conversation', () => {
  const cases: readonly [string, (worker: WorkerHarness) => readonly unknown[]][] = [
    ['an update applied already', (worker) => worker.receive(worker.update(0))],
    ['an update too early', (worker) => worker.receive(worker.update(2))],
    ['a task for another step', (worker) => worker.receive(worker.assign(0))],
    [
      'a snapshot of another step',
      (worker) => worker.receive({ type: 'snapshot-request', run: 'run-1', term: 1, membership: 1, step: 0 }, []),
    ],
    [
      'bytes that are no message',
      (worker) => worker.event({ type: 'unreadable', problem: 'damaged', what: 'received a wrong checksum' }),
    ],
  ];

  it.each(cases)('is not applied but begun anew: %s', (_, act) => {
    const worker = syncedWorker();
    worker.advance();
    expect(act(worker)).toEqual([expect.objectContaining({ type: 'note' }), RECONNECT]);
    expect(worker.state).toMatchObject({ phase: 'away', step: 1, breaches: 1 });
  });

  it.each(cases)('ends the worker when it comes again and again: %s', (_, act) => {
    const worker = syncedWorker();
    worker.advance();
    for (let count = 1; count < LIMITS.breachesMax; count += 1) {
      act(worker);
      worker.ready();
    }
    expect(act(worker)).toMatchObject([
      { message: { type: 'failed', failure: { kind: 'protocol' } } },
      { type: 'end', outcome: { result: 'failed', failure: { kind: 'protocol' } } },
    ]);
  });

  it('is forgiven once an update was applied', () => {
    const worker = syncedWorker();
    for (let count = 0; count < 3 * LIMITS.breachesMax; count += 1) {
      worker.receive(worker.assign(100));
      worker.ready();
      worker.advance();
    }
    expect(worker.state.phase).toBe('synced');
  });

  it('is work before the engine is ready, or without a replica', () => {
    const early = new WorkerHarness();
    early.event({ type: 'connected' });
    early.welcome();
    expect(early.receive(early.part(0, 0, 1))).toContainEqual(RECONNECT);
    const empty = new WorkerHarness().ready();
    expect(empty.receive(empty.assign(0))).toContainEqual(RECONNECT);
    const greeting = new WorkerHarness();
    greeting.event({ type: 'connected' });
    expect(greeting.receive(greeting.heartbeat(), [])).toContainEqual(RECONNECT);
  });

  it('is of no interest when the connection is given up anyhow', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(worker.event({ type: 'unreadable', problem: 'damaged', what: 'x' })).toEqual([]);
    expect(worker.state.breaches).toBe(0);
  });

  it('ends the worker at once when it is of another version', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    const actions = worker.event({ type: 'unreadable', problem: 'version', what: 'the peer speaks protocol 9' });
    expect(actions).toContainEqual(
      expect.objectContaining({
        type: 'end',
        outcome: expect.objectContaining({ failure: expect.objectContaining({ kind: 'protocol' }) }),
      }),
    );
  });
});
