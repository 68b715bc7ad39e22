import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import {
  CoordinatorHarness,
  lineOf,
  outcome,
  recordOf,
  reports,
  resumption,
  sent,
  those,
} from '../testing/coordinator-harness.js';

const RECORD = expect.objectContaining({ step: 2, weightsDigest: 'd3' });

function running(overrides: ConstructorParameters<typeof CoordinatorHarness>[0] = {}): CoordinatorHarness {
  const cluster = new CoordinatorHarness({ totalSteps: 10, ...overrides });
  cluster.join('a');
  cluster.join('b');
  return cluster;
}

function restored(cluster: CoordinatorHarness, step: number, until: number): ReturnType<CoordinatorHarness['event']> {
  const history = Array.from({ length: until - step }, (_, index) => lineOf(step + index));
  const replica = { step, digest: `d${step}`, optimizerSteps: step, slots: [] };
  return cluster.event({ type: 'restored', replica, history });
}

describe('all connections lost at once', () => {
  it('waits for the workers, and goes on with what they hold', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    expect(cluster.state.phase.name).toBe('recovering');
    cluster.comeBack('a', 1);
    expect(cluster.state.phase.name).toBe('recovering');
    const actions = cluster.comeBack('b', 1);
    expect(reports(actions, 'recovered')).toEqual([{ type: 'recovered', from: 'replicas', step: 1, replayUntil: 1 }]);
    expect(sent(actions, 'assign')).toEqual(['a: assign', 'b: assign']);
  });

  it('goes on from the more advanced of two, and levels the other', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.answerAll();
    cluster.reduced();
    cluster.applied('a', 1);
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.comeBack('b', 1);
    const actions = cluster.comeBack('a', 2, 'd2', [recordOf(1)]);
    expect(those(actions, 'commit')).toMatchObject([{ committed: { step: 1, weightsDigest: 'd2' } }]);
    expect(sent(actions)).toContain('a: snapshot-request');
    expect(sent(cluster.snapshot('a'))).toEqual(['b: replica']);
    expect(sent(cluster.synced('b'), 'assign')).toHaveLength(2);
  });

  it('goes back to a checkpoint when somebody else comes, and compares what is computed again', () => {
    const cluster = running({ workerTimeoutMs: 60_000 });
    cluster.wholeStep();
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    expect(those(cluster.tick(), 'restore')).toEqual([]);
    cluster.nowMs = LIMITS.reunionMs;
    expect(those(cluster.tick(), 'restore')).toEqual([]);
    cluster.hello('c');
    expect(those(cluster.ready('c'), 'restore')).toHaveLength(1);
    expect(sent(restored(cluster, 0, 2))).toContain('c: replica');
    cluster.synced('c');
    cluster.answerAll();
    cluster.reduced();
    expect(those(cluster.applied('c', 0), 'commit')).toEqual([]);
    cluster.gradient('c', 0);
    cluster.gradient('c', 1, { digest: 'other' });
    expect(outcome(cluster.reduced())).toMatchObject({
      failure: { kind: 'data', what: expect.stringMatching(/step 2 .*other.*g1\.1/) },
    });
  });

  it('goes on from what one holds that comes later, as long as nobody else is there', () => {
    const cluster = running({ workerTimeoutMs: 60_000 });
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.nowMs = LIMITS.reunionMs * 2;
    cluster.tick();
    expect(reports(cluster.comeBack('b', 1), 'recovered')).toMatchObject([{ from: 'replicas', step: 1 }]);
  });

  it('ends when nobody comes for as long as workers are waited for', () => {
    const cluster = running({ workerTimeoutMs: 60_000 });
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.nowMs = 60_000;
    cluster.tick();
    expect(outcome(cluster.actions)).toMatchObject({ failure: { kind: 'retry' } });
  });

  it('goes back at once when all processes are known to have ended', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.gone('a');
    expect(those(cluster.gone('b'), 'restore')).toHaveLength(1);
  });
});

describe('a worker that had fallen behind the journal', () => {
  /** Both are cut off at step 4, one comes back with older weights, the other never. */
  const left = (step: number, digest: string): CoordinatorHarness => {
    const cluster = running();
    for (let made = 0; made < 3; made += 1) cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.comeBack('a', step, digest);
    cluster.gone('b');
    return cluster;
  };

  it('is gone on from, and what it computes again is held against the journal', () => {
    const cluster = left(1, 'd1');
    expect(reports(cluster.actions, 'recovered')).toEqual([
      { type: 'recovered', from: 'replicas', step: 1, replayUntil: 3 },
    ]);
    cluster.gradient('a', 0);
    cluster.gradient('a', 1, { digest: 'other' });
    expect(outcome(cluster.reduced())).toMatchObject({
      failure: { kind: 'data', what: expect.stringMatching(/step 2 .*other.*g1\.1/) },
    });
  });

  it('is not gone on from with weights that the journal knows otherwise', () => {
    expect(those(left(1, 'bent').actions, 'restore')).toHaveLength(1);
  });

  it('is not gone on from by a coordinator that has not seen those steps', () => {
    const cluster = new CoordinatorHarness({
      ...{ totalSteps: 10, term: 2, incarnation: 'c2' },
      resumption: resumption(3, { awaitedPeers: ['a'] }),
    });
    cluster.comeBack('a', 1);
    expect(those(cluster.actions, 'restore')).toHaveLength(1);
  });
});

describe('what was under way when all weights were lost', () => {
  it('is asked for again where it was a checkpoint', () => {
    const cluster = running({ checkpointEvery: { steps: 2 } });
    cluster.wholeStep();
    cluster.wholeStep();
    expect(cluster.state.snapshot?.step).toBe(2);
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.comeBack('a', 2);
    expect(sent(cluster.comeBack('b', 2))).toContain('a: snapshot-request');
    expect(those(cluster.snapshot('a', 2), 'checkpoint')).toHaveLength(1);
  });

  it('is not taken for a part of the step that is begun anew under another plan', () => {
    const cluster = running({ shards: 5 });
    cluster.wholeStep();
    expect([...cluster.owners()].flatMap(([shard, peer]) => (peer === 'b' ? [shard] : []))).toEqual([3, 4]);
    for (const shard of [0, 1, 2]) cluster.gradient('a', shard);
    // More than the time after which nobody is late.
    cluster.nowMs = 3_000;
    for (const peer of ['a', 'b']) cluster.say(peer, { type: 'heartbeat', step: 1, activity: 'computing' });
    cluster.tick();
    expect(cluster.state.workers.get('b')?.status).toBe('behind');
    cluster.event({ type: 'command', id: 1, command: { type: 'reshard', shards: 6 } });
    cluster.comeBack('a', 1);
    cluster.nowMs += LIMITS.reunionMs;
    cluster.tick();
    const [plan] = those(cluster.actions, 'journal-plan').map((action) => action.plan);
    // Shard 4 of five is the row behind shard 4 of six, and as long.
    const answer = {
      type: 'gradient',
      step: 1,
      attempt: 0,
      lossSum: 10,
      characters: 5,
      computeMs: 1,
      held: null,
    } as const;
    const late = [3, 4].map((shard) => ({ ...answer, shard, weightsDigest: 'd1' }));
    const said = late.flatMap((message) => {
      const actions = cluster.say('b', message, [new Uint8Array(4)], { digest: `old ${message.shard}` });
      return plan === undefined || cluster.state.phase.name !== 'replanning'
        ? [...actions]
        : [...actions, ...cluster.event({ type: 'plan-journalled', plan })];
    });
    expect(cluster.state.phase.name).toBe('computing');
    expect(those(said, 'collect')).toEqual([]);
    cluster.comeBack('b', 1);
    expect(cluster.state.workers.get('b')?.status).toBe('ready');
  });

  it('and a stop wait for those who may come back with the weights', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.event({ type: 'stop-requested' });
    expect(outcome(cluster.actions)).toBeUndefined();
    cluster.comeBack('a', 1);
    cluster.comeBack('b', 1);
    expect(those(cluster.snapshot('a', 1), 'checkpoint')).toHaveLength(1);
    expect(outcome(cluster.actions)).toEqual({ result: 'stopped', steps: 1 });
  });

  it('and a stop wait no longer than that', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.gone('a', false);
    cluster.gone('b', false);
    cluster.event({ type: 'stop-requested' });
    cluster.nowMs = LIMITS.reunionMs;
    cluster.tick();
    expect(outcome(cluster.actions)).toEqual({ result: 'stopped', steps: 1 });
  });
});

describe('a coordinator that takes over', () => {
  const takesOver = (journalled: number, awaitedPeers: readonly string[]): CoordinatorHarness =>
    new CoordinatorHarness({
      totalSteps: 10,
      term: 2,
      incarnation: 'c2',
      resumption: resumption(journalled, { awaitedPeers }),
    });

  it('adopts the living workers at the step they hold and makes the journal whole', () => {
    const cluster = takesOver(2, ['a', 'b']);
    expect(those(cluster.tick(), 'restore')).toEqual([]);
    cluster.comeBack('a', 3, 'd3', [recordOf(2)]);
    const actions = cluster.comeBack('b', 3, 'd3', [recordOf(2)]);
    expect(those(actions, 'commit').map(({ committed }) => committed)).toEqual([RECORD]);
    expect(cluster.state.step).toBe(3);
    expect(sent(actions, 'assign')).toHaveLength(2);
  });

  it('does not adopt what the journal cannot be made whole for', () => {
    const cluster = takesOver(2, ['a']);
    cluster.comeBack('a', 4, 'd4', [recordOf(3)]);
    expect(those(cluster.actions, 'restore')).toHaveLength(1);
  });

  it('does not adopt weights that differ from the journal', () => {
    const cluster = takesOver(2, ['a']);
    cluster.comeBack('a', 2, 'bent');
    expect(those(cluster.actions, 'restore')).toHaveLength(1);
  });

  it('loads the checkpoint at once when nobody is awaited', () => {
    const cluster = takesOver(2, []);
    expect(those(cluster.tick(), 'restore')).toHaveLength(1);
    restored(cluster, 1, 2);
    cluster.join('a');
    expect(cluster.state.phase.name).toBe('gathering');
    cluster.join('b');
    cluster.answerAll();
    cluster.reduced();
    cluster.applied('a', 1);
    const bent = cluster.applied('b', 1, 'd2');
    expect(those(bent, 'commit')).toEqual([]);
    expect(cluster.state.step).toBe(2);
  });

  it('ends when a worker has obeyed a later coordinator, or another one of its own term', () => {
    for (const obeyed of [
      { term: 3, incarnation: 'c3' },
      { term: 2, incarnation: 'else' },
    ]) {
      const cluster = takesOver(2, ['a']);
      const actions = cluster.hello('a', { run: 'run-1', obeyed });
      expect(outcome(actions)).toMatchObject({ result: 'failed', failure: { kind: 'locked' } });
    }
  });
});

describe('a worker that comes back in the middle of a step', () => {
  it('takes part at once with the weights of the step', () => {
    const cluster = running();
    cluster.wholeStep();
    cluster.gone('b', false);
    expect(cluster.owners().get(1)).toBe('a');
    cluster.comeBack('b', 1);
    expect(cluster.state.workers.get('b')?.status).toBe('ready');
    expect(sent(cluster.gone('a'), 'assign')).toEqual(['b: assign', 'b: assign']);
  });

  it('waits to be levelled when its weights are older or others', () => {
    for (const [step, digest] of [
      [0, 'd0'],
      [1, 'bent'],
    ] as const) {
      const cluster = running();
      cluster.wholeStep();
      cluster.gone('b', false);
      cluster.comeBack('b', step, digest);
      expect(cluster.state.workers.get('b')?.status).toBe('waiting');
    }
  });
});

describe('the journal', () => {
  it('is waited for when it is too far behind, and the run goes on when it has caught up', () => {
    const cluster = running({ totalSteps: 1000 });
    for (let step = 0; step < LIMITS.unjournalledSteps; step += 1) {
      cluster.answerAll();
      cluster.reduced();
      cluster.applied('a', step);
      cluster.applied('b', step);
    }
    expect(cluster.state.phase.name).toBe('settling');
    const actions = cluster.event({ type: 'journalled', step: 0 });
    expect(sent(actions, 'assign')).toHaveLength(2);
  });
});
