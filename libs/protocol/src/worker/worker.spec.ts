import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import type { CoordinatorMessage } from '../messages.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import { initialWorkerState } from './state.js';
import { stepWorker } from './worker.js';

const ENVELOPE = { run: 'run-1', term: 1, membership: 1 };
const PAYLOAD = [new Uint8Array(4)];

class Harness {
  nowMs = 0;
  state = initialWorkerState(
    {
      coordinator: 'tcp://c:1',
      run: 'run-1',
      softwareVersion: '0',
      host: 'h',
      pid: 1,
      connectDeadlineMs: 5_000,
      silenceLimitMs: LIMITS.peerSilenceMs,
    },
    0,
  );

  event(event: WorkerEvent): readonly WorkerAction[] {
    const { state, actions } = stepWorker(this.state, event, this.nowMs);
    this.state = state;
    return actions;
  }

  receive(message: CoordinatorMessage, payload: readonly Uint8Array[] = PAYLOAD): readonly WorkerAction[] {
    return this.event({ type: 'message', message, payload });
  }

  welcome(): readonly WorkerAction[] {
    return this.receive({ type: 'welcome', ...ENVELOPE, slot: 0, config: {}, fingerprint: 'f', layoutDigest: 'l' });
  }

  /** Through hello, welcome and replica to a worker that computes from `step` on. */
  sync(step = 0): void {
    this.event({ type: 'connected' });
    this.welcome();
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'e', device: 'd' };
    this.event({ type: 'computed', result: { type: 'prepared', ...about } });
    this.receive({ type: 'replica', ...ENVELOPE, step, optimizerSteps: step, slots: [] });
    this.event({ type: 'computed', result: { type: 'loaded', step, digest: 'x' } });
  }

  update(step: number): readonly WorkerAction[] {
    return this.receive({ type: 'update', ...ENVELOPE, step, learningRate: 0.1, digest: false });
  }
}

function synced(): Harness {
  const worker = new Harness();
  worker.sync();
  return worker;
}

describe('worker', () => {
  it('says hello when connected, prepares when welcomed, says ready and synced', () => {
    const worker = new Harness();
    expect(worker.event({ type: 'connected' })).toMatchObject([{ message: { type: 'hello', run: 'run-1' } }]);
    expect(worker.welcome()).toMatchObject([{ type: 'note' }, { type: 'compute', task: { type: 'prepare' } }]);
    worker.sync();
    expect(worker.state.phase).toBe('synced');
  });

  it('computes, applies once and in order, and answers with what was computed', () => {
    const worker = synced();
    const assign = { type: 'assign', ...ENVELOPE, step: 0, shard: 1, attempt: 0, rows: 4 } as const;
    expect(worker.receive(assign)).toMatchObject([{ task: { type: 'gradient' } }]);
    const result = {
      type: 'gradient',
      step: 0,
      shard: 1,
      attempt: 0,
      lossSum: 1,
      characters: 4,
      computeMs: 1,
      payload: new Uint8Array(4),
    } as const;
    expect(worker.event({ type: 'computed', result })).toMatchObject([
      { message: { type: 'gradient', shard: 1, run: 'run-1' } },
    ]);
    expect(worker.update(0)).toMatchObject([{ task: { type: 'apply' } }]);
    expect(worker.state.step).toBe(1);
  });

  it.each([
    ['an update applied already', 0],
    ['an update too early', 2],
  ])('fails rather than guesses: %s', (_, step) => {
    const worker = synced();
    worker.update(0);
    const actions = worker.update(step);
    expect(actions).toMatchObject([
      { message: { type: 'failed', failure: { kind: 'protocol' } } },
      { type: 'end', outcome: { result: 'failed' } },
    ]);
  });

  it('ignores messages of another run or an earlier term', () => {
    const worker = synced();
    for (const odd of [{ run: 'run-2' }, { term: 0 }]) {
      const actions = worker.receive({
        type: 'update',
        ...ENVELOPE,
        ...odd,
        step: 0,
        learningRate: 0.1,
        digest: false,
      });
      expect(actions).toMatchObject([{ type: 'note' }]);
    }
    expect(worker.state.step).toBe(0);
  });

  it('starts over after a reconnect: what belongs to the old conversation is dropped', () => {
    const worker = synced();
    worker.event({ type: 'connected' });
    expect(worker.event({ type: 'computed', result: { type: 'applied', step: 0, digest: null } })).toEqual([]);
    worker.welcome();
    expect(worker.update(0)).toEqual([]);
  });

  it('says what the coordinator refused, dropped or ended', () => {
    const failure = { kind: 'protocol', what: 'other version', hint: '' } as const;
    expect(new Harness().receive({ type: 'refuse', failure }, [])).toMatchObject([
      { outcome: { failure: { kind: 'protocol' } } },
    ]);
    const stop = (reason: 'done' | 'dropped' | 'failed'): readonly WorkerAction[] =>
      synced().receive({ type: 'stop', run: 'run-1', reason, detail: 'why' }, []);
    expect(stop('done')).toEqual([{ type: 'end', outcome: { result: 'done' } }]);
    expect(stop('dropped')).toMatchObject([
      { outcome: { failure: { kind: 'retry', what: expect.stringContaining('why') } } },
    ]);
    expect(stop('failed')).toMatchObject([{ outcome: { failure: { kind: 'retry' } } }]);
  });

  it('leaves when told to, and says so', () => {
    expect(synced().event({ type: 'leave-requested' })).toMatchObject([
      { message: { type: 'leave' } },
      { outcome: { result: 'left' } },
    ]);
  });

  it('ships the failure of its engine, with the stack', () => {
    const failure = { kind: 'unavailable', what: 'no engine', hint: 'install' } as const;
    const actions = synced().event({ type: 'compute-failed', failure, stack: 'at x' });
    expect(actions).toMatchObject([{ message: { type: 'failed', failure, stack: 'at x' } }, { outcome: { failure } }]);
  });

  it('beats while it works, and gives up an address where nobody answers or a coordinator that fell silent', () => {
    const lonely = new Harness();
    lonely.nowMs = 5_001;
    expect(lonely.event({ type: 'tick' })).toMatchObject([{ outcome: { failure: { kind: 'unavailable' } } }]);
    const worker = synced();
    worker.nowMs = LIMITS.heartbeatEveryMs;
    expect(worker.event({ type: 'tick' })).toMatchObject([{ message: { type: 'heartbeat', step: 0 } }]);
    worker.nowMs = LIMITS.peerSilenceMs + 1;
    expect(worker.event({ type: 'tick' })).toMatchObject([{ outcome: { failure: { kind: 'retry' } } }]);
  });
});
