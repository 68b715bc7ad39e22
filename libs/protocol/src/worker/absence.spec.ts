/** Who is there and who is not: hello and its answers, silence, absence, leaving, and the ends of a run. */
import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import { AWAY_LIMIT_MS, CONNECT_DEADLINE_MS, syncedWorker, WorkerHarness } from '../testing/worker-harness.js';
import type { WorkerAction } from './events.js';

const RECONNECT = expect.objectContaining({ type: 'reconnect' });

/** Kinds of messages said, in order. */
function said(actions: readonly WorkerAction[]): string[] {
  return actions.flatMap((action) => (action.type === 'send' ? [action.message.type] : []));
}

function endOf(actions: readonly WorkerAction[]): unknown {
  return actions.flatMap((action) => (action.type === 'end' ? [action.outcome] : []))[0];
}

describe('hello', () => {
  it('is said again, in a new conversation, while nobody answers, until the deadline of the first contact', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    const actions = worker.pass(LIMITS.helloEveryMs * 3);
    expect(actions).toMatchObject(
      [2, 3, 4].map((conversation) => ({ message: { type: 'hello' }, stamp: { conversation, sequence: 0 } })),
    );
    expect(endOf(worker.pass(CONNECT_DEADLINE_MS))).toMatchObject({ failure: { kind: 'unavailable' } });
    expect(worker.nowMs).toBe(CONNECT_DEADLINE_MS + 250);
  });

  it('has a deadline without a connection, too', () => {
    const worker = new WorkerHarness();
    expect(said(worker.pass(CONNECT_DEADLINE_MS))).toEqual([]);
    expect(endOf(worker.pass(250))).toMatchObject({
      failure: { kind: 'unavailable', what: expect.stringContaining('tcp://c:1') },
    });
  });

  it('waits when told to, as long as told to', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    worker.receive({ type: 'wait', run: 'run-1', seconds: 60, detail: 'failed too often' }, []);
    expect(worker.state.phase).toBe('held');
    expect(worker.pass(59_750)).toEqual([]);
    expect(worker.pass(250)).toMatchObject([{ message: { type: 'hello' }, stamp: { conversation: 2 } }]);
    expect(worker.welcome()).toContainEqual(expect.objectContaining({ type: 'compute' }));
  });

  it('is held up by nobody else: a wait of another run is ignored', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    worker.receive({ type: 'wait', run: 'run-2', seconds: 60, detail: '' }, []);
    expect(worker.state.phase).toBe('greeting');
  });

  it('is said at once after a new connection, even while told to wait', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    worker.receive({ type: 'wait', run: 'run-1', seconds: 60, detail: '' }, []);
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(said(worker.event({ type: 'connected' }))).toEqual(['hello']);
  });
});

describe('heartbeats', () => {
  it('say every second what the compute side is at', () => {
    const worker = new WorkerHarness();
    const activity = (): unknown => {
      const [beat] = worker.passHearing(1000).filter((action) => action.type === 'send');
      return beat?.message.type === 'heartbeat' ? beat.message.activity : beat;
    };
    worker.event({ type: 'connected' });
    worker.welcome();
    expect(activity()).toBe('preparing');
    worker.prepared();
    expect(activity()).toBe('idle');
    worker.receive(worker.part(0, 0, 1));
    expect(activity()).toBe('loading');
    worker.computed({ type: 'loaded', step: 0, digest: 'w0' });
    worker.receive(worker.assign(0));
    worker.receive(worker.update(0));
    expect(activity()).toBe('computing');
    worker.computed({
      ...{ type: 'gradient', step: 0, shard: 0, attempt: 0, lossSum: 1, characters: 1 },
      ...{ computeMs: 1, weightsDigest: null, held: null, payload: new Uint8Array(4) },
    });
    expect(activity()).toBe('applying');
    worker.computed({ type: 'applied', step: 0, digest: null });
    worker.receive({ type: 'snapshot-request', run: 'run-1', term: 1, membership: 1, step: 1 }, []);
    expect(activity()).toBe('snapshot');
  });

  it('tell of a task from before the connection broke, which still has to be finished', () => {
    const worker = syncedWorker();
    worker.receive(worker.assign(0));
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.event({ type: 'connected' });
    worker.welcome();
    expect(worker.pass(1000)).toMatchObject([{ message: { type: 'heartbeat', activity: 'computing' } }]);
  });
});

describe('a coordinator that is gone', () => {
  it('is looked for with the replica kept, and then given up with "try again"', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(worker.state).toMatchObject({ phase: 'away', step: 0 });
    expect(worker.pass(AWAY_LIMIT_MS)).toEqual([]);
    expect(endOf(worker.pass(250))).toMatchObject({
      failure: { kind: 'retry', what: 'the coordinator at tcp://c:1 has been gone for 180 seconds' },
    });
  });

  it('is gone, too, while connections come up and nobody answers', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.pass(AWAY_LIMIT_MS / 2);
    worker.event({ type: 'connected' });
    worker.pass(1000);
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(endOf(worker.pass(AWAY_LIMIT_MS / 2))).toMatchObject({ failure: { kind: 'retry' } });
  });

  it('is there again with its welcome: the next absence counts from its own beginning', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.pass(AWAY_LIMIT_MS - 1000);
    worker.ready();
    worker.passHearing(2000);
    worker.event({ type: 'disconnected', reason: 'broke' });
    expect(endOf(worker.pass(AWAY_LIMIT_MS))).toBeUndefined();
  });

  it('is gone when it is silent: the connection is broken off once', () => {
    const worker = syncedWorker();
    const actions = worker.pass(LIMITS.peerSilenceMs + 250);
    expect(actions.filter((action) => action.type === 'reconnect')).toHaveLength(1);
    expect(worker.state).toMatchObject({ phase: 'away', step: 0 });
    expect(worker.pass(LIMITS.peerSilenceMs + 250)).toEqual([]);
  });

  it('may be silent for ever where something surer tells', () => {
    const worker = new WorkerHarness({ silenceLimitMs: Infinity }).synced();
    expect(said(worker.pass(3_600_000)).every((type) => type === 'heartbeat')).toBe(true);
    expect(worker.state.phase).toBe('synced');
  });

  it('is not to blame for the time in which this process was stopped', () => {
    const worker = syncedWorker();
    worker.pass(1000);
    worker.nowMs += 3_600_000;
    expect(worker.event({ type: 'tick' })).not.toContainEqual(RECONNECT);
    const away = syncedWorker();
    away.event({ type: 'disconnected', reason: 'broke' });
    away.pass(1000);
    away.nowMs += 3_600_000;
    expect(away.event({ type: 'tick' })).toEqual([]);
    expect(endOf(away.pass(AWAY_LIMIT_MS))).toMatchObject({ failure: { kind: 'retry' } });
  });
});

describe('leaving', () => {
  it('is asked for, and done when the coordinator lets go', () => {
    const worker = syncedWorker();
    expect(worker.event({ type: 'leave-requested' })).toMatchObject([{ message: { type: 'leave', run: 'run-1' } }]);
    expect(worker.receive(worker.assign(0))).toMatchObject([
      { task: { type: 'gradient' } },
      { message: { type: 'heartbeat', activity: 'computing' } },
    ]);
    expect(worker.receive(worker.stop('drained'), [])).toEqual([{ type: 'end', outcome: { result: 'left' } }]);
  });

  it('is possible while the engine is loading', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    worker.welcome();
    expect(said(worker.event({ type: 'leave-requested' }))).toEqual(['leave']);
  });

  it('does not wait for longer than it takes to drain', () => {
    const worker = syncedWorker();
    worker.event({ type: 'leave-requested' });
    expect(endOf(worker.passHearing(LIMITS.drainMs + 5_000))).toBeUndefined();
    expect(endOf(worker.passHearing(1000))).toEqual({ result: 'left' });
  });

  it.each([
    ['when asked for twice', (worker: WorkerHarness) => worker.event({ type: 'leave-requested' })],
    ['when the connection breaks', (worker: WorkerHarness) => worker.event({ type: 'disconnected', reason: 'x' })],
    ['when messages are missing', (worker: WorkerHarness) => worker.receiveStamped(worker.assign(0), 1, 99)],
  ])('is done at once %s', (_, act) => {
    const worker = syncedWorker();
    worker.event({ type: 'leave-requested' });
    expect(endOf(act(worker))).toEqual({ result: 'left' });
  });

  it.each([
    ['away', () => new WorkerHarness()],
    [
      'not welcomed',
      () => {
        const worker = new WorkerHarness();
        worker.event({ type: 'connected' });
        return worker;
      },
    ],
    [
      'told to wait',
      () => {
        const worker = new WorkerHarness();
        worker.event({ type: 'connected' });
        worker.receive({ type: 'wait', run: 'run-1', seconds: 60, detail: '' }, []);
        return worker;
      },
    ],
  ])('is done at once by a worker that is %s', (_, make) => {
    expect(make().event({ type: 'leave-requested' })).toEqual([{ type: 'end', outcome: { result: 'left' } }]);
  });
});

describe('the end of a run', () => {
  it.each([
    ['done', { result: 'done' }],
    ['stopped', { result: 'stopped' }],
    ['drained', { result: 'left' }],
    ['failed', { result: 'failed', failure: { kind: 'retry', what: 'the run has failed: why' } }],
    ['dropped', { result: 'failed', failure: { kind: 'retry' } }],
    ['quarantined', { result: 'failed', failure: { kind: 'retry' } }],
  ] as const)('%s', (reason, outcome) => {
    const worker = syncedWorker();
    const end = endOf(worker.receive(worker.stop(reason), []));
    expect(end).toMatchObject(outcome);
    if (outcome.result === 'failed') expect(end).toMatchObject({ failure: { what: expect.stringContaining('why') } });
  });

  it('is no other run', () => {
    const worker = syncedWorker();
    const stop = { type: 'stop', run: 'run-2', reason: 'done', detail: '' } as const;
    expect(worker.receive(stop, [])).toMatchObject([{ type: 'note' }]);
  });

  it('may be the answer to hello', () => {
    const worker = syncedWorker();
    worker.event({ type: 'disconnected', reason: 'broke' });
    worker.event({ type: 'connected' });
    expect(endOf(worker.receive(worker.stop('done'), []))).toEqual({ result: 'done' });
  });

  it('is a refusal, with its reason', () => {
    const worker = new WorkerHarness();
    worker.event({ type: 'connected' });
    const failure = { kind: 'protocol', what: 'other version', hint: '' } as const;
    expect(endOf(worker.receive({ type: 'refuse', failure }, []))).toEqual({ result: 'failed', failure });
  });
});
