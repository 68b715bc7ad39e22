import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import type { CoordinatorAction } from './events.js';
import { CoordinatorHarness, outcome, reports, sent } from '../testing/coordinator-harness.js';

function running(overrides: ConstructorParameters<typeof CoordinatorHarness>[0] = {}): CoordinatorHarness {
  const cluster = new CoordinatorHarness(overrides);
  cluster.join('a');
  cluster.join('b');
  return cluster;
}

describe('admission', () => {
  it('welcomes, ships the first weights, and begins when enough workers hold them', () => {
    const cluster = new CoordinatorHarness();
    expect(sent(cluster.hello('a'))).toEqual(['a: welcome']);
    expect(sent(cluster.ready('a'))).toEqual(['a: replica']);
    cluster.synced('a');
    expect(cluster.state.phase.name).toBe('gathering');
    cluster.join('b');
    expect(cluster.state.phase.name).toBe('computing');
    expect(sent(cluster.actions, 'assign')).toEqual(['a: assign', 'b: assign']);
  });

  it('numbers workers of its own as they are named, and others from 0', () => {
    const cluster = new CoordinatorHarness();
    cluster.hello('x', { name: 'local-1', supervised: true });
    cluster.hello('y', { name: 'pod-7' });
    cluster.hello('z', { name: 'local-0', supervised: true });
    expect([...cluster.state.workers.values()].map(({ slot }) => slot)).toEqual([1, 0, 2]);
  });

  it('refuses another protocol or version of lockstep and a worker of another run, with the reason', () => {
    const cluster = new CoordinatorHarness();
    for (const odd of [{ protocolVersion: 99 }, { softwareVersion: '9' }, { run: 'run-2' }]) {
      const [action] = cluster.hello('x', odd);
      expect(action).toMatchObject({ message: { type: 'refuse', failure: { kind: 'protocol' } } });
    }
    expect(cluster.state.workers.size).toBe(0);
  });

  it('refuses a worker that computes another configuration or layout', () => {
    const cluster = new CoordinatorHarness();
    cluster.hello('a');
    const about = {
      computeClass: 'c',
      engine: 'e',
      device: 'cpu',
      endpoint: null,
      sharing: null,
      replica: null,
      records: [],
    };
    const actions = cluster.say('a', { type: 'ready', fingerprint: 'other', layoutDigest: 'l', ...about });
    expect(sent(actions)).toEqual(['a: refuse']);
    expect(cluster.state.workers.size).toBe(0);
  });

  it('drops a worker whose weights are not those it was sent', () => {
    const cluster = new CoordinatorHarness();
    cluster.hello('a');
    cluster.ready('a');
    expect(sent(cluster.synced('a', 'bent'))).toEqual(['a: stop']);
  });

  it('warns when workers of two compute classes meet', () => {
    const cluster = new CoordinatorHarness();
    cluster.join('a');
    cluster.hello('b');
    expect(reports(cluster.ready('b', { computeClass: 'another' }), 'warning')).toHaveLength(1);
  });

  it('gives up when too few workers come in time', () => {
    const cluster = new CoordinatorHarness();
    cluster.nowMs = 10_001;
    const actions = cluster.event({ type: 'tick' });
    expect(actions.at(-1)).toMatchObject({ type: 'end', outcome: { result: 'failed', failure: { kind: 'retry' } } });
  });

  it('ends at once with the cause when one of its own workers cannot start', () => {
    const cluster = new CoordinatorHarness();
    cluster.hello('a', { supervised: true });
    const failure = { kind: 'unavailable', what: 'no engine', hint: 'install one' } as const;
    const actions = cluster.message('a', { type: 'failed', run: 'run-1', failure, stack: '', log: [] });
    expect(outcome(actions)).toMatchObject({ failure: { kind: 'unavailable' } });
  });

  it('reports of a worker that is gone who it was and what it said last', () => {
    const lostBy = (actions: readonly CoordinatorAction[]): unknown[] =>
      actions.flatMap((action) =>
        action.type === 'report' && action.report.type === 'worker' && action.report.status === 'gone'
          ? [action.report.lost]
          : [],
      );
    const cluster = running();
    const failure = { kind: 'internal', what: 'out of paper', hint: '' } as const;
    const said = { type: 'failed', run: 'run-1', failure, stack: 'at x', log: ['one', 'two'] } as const;
    expect(lostBy(cluster.message('a', said))).toMatchObject([
      { peer: 'a', said: 'out of paper', stack: 'at x', log: ['one', 'two'] },
    ]);
    const gone = cluster.event({ type: 'gone', peer: 'b', reason: 'ended by SIGKILL', certain: true });
    expect(lostBy(gone)).toMatchObject([{ peer: 'b', said: null, stack: '', log: [] }]);
  });
});

describe('a step', () => {
  it('reduces when all shards are in, updates every replica and goes on without waiting', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    const last = cluster.gradient('b', 1);
    expect(last).toContainEqual({ type: 'reduce', step: 0, characters: 40 });
    expect(sent(cluster.reduced())).toEqual(['a: update', 'b: update', 'a: assign', 'b: assign']);
    expect(cluster.state.step).toBe(1);
  });

  it('commits once every replica has applied, with loss and digest', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    expect(cluster.applied('a', 0)).toEqual([]);
    const numbers = { step: 0, term: 1, loss: 2, characters: 40, gradientNorm: 1 };
    const digests = { shardDigests: ['g0.0', 'g0.1'], weightsDigest: 'd1' };
    const committed = expect.objectContaining({ ...numbers, ...digests });
    expect(cluster.applied('b', 0)).toEqual([{ type: 'commit', committed }]);
  });

  it('deals more shards than workers in contiguous blocks, and leaves spare workers idle', () => {
    const many = running({ shards: 4 });
    expect([...many.owners()]).toEqual([
      [0, 'a'],
      [1, 'a'],
      [2, 'b'],
      [3, 'b'],
    ]);
    const one = running({ shards: 1 });
    expect([...one.owners()]).toEqual([[0, 'a']]);
  });

  it('applies no gradient of another step, of a moved shard, twice, or over a wrong number of characters', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    const odd = [
      cluster.gradient('a', 0),
      cluster.gradient('a', 1),
      cluster.gradient('b', 1, { step: 7 }),
      cluster.gradient('b', 1, { attempt: 3 }),
      cluster.gradient('b', 9),
      cluster.gradient('b', 1, { characters: 1 }),
    ];
    for (const actions of odd) {
      expect(reports(actions, 'rejected')).toHaveLength(1);
      expect(actions.some((action) => action.type === 'collect')).toBe(false);
    }
  });

  it('ends as diverged when the sum of finite gradients is not finite', () => {
    const cluster = running();
    cluster.answerAll();
    const actions = cluster.reduced(false);
    expect(outcome(actions)).toMatchObject({ failure: { kind: 'data' } });
    expect(sent(actions, 'update')).toEqual([]);
  });
});

describe('loss of a worker', () => {
  it('moves its shards to survivors in the same step', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    expect(sent(cluster.gone('b'))).toEqual(['a: assign']);
    expect(reports(cluster.gradient('b', 1), 'rejected')).toHaveLength(1);
    expect(cluster.gradient('a', 1)).toContainEqual({ type: 'reduce', step: 0, characters: 40 });
  });

  it('commits without the lost one', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    cluster.applied('a', 0);
    expect(cluster.gone('b')).toContainEqual(expect.objectContaining({ type: 'commit' }));
  });

  it('commits no step whose update was lost with the last worker', () => {
    const cluster = running();
    cluster.answerAll();
    cluster.reduced();
    cluster.gone('a');
    const actions = cluster.gone('b');
    expect(actions.some((action) => action.type === 'commit')).toBe(false);
    expect(actions).toContainEqual({ type: 'restore' });
  });

  it('gathers again when the only synced worker is lost before the first step', () => {
    const cluster = new CoordinatorHarness({ minWorkers: 1 });
    cluster.hello('b');
    cluster.ready('b');
    cluster.join('a');
    expect(cluster.state.phase.name).toBe('levelling');
    cluster.gone('a');
    expect(cluster.state.phase.name).toBe('gathering');
    cluster.synced('b');
    expect(cluster.owners().get(0)).toBe('b');
  });

  it('does not wait for an update to be applied by one that was lost and came back', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    cluster.gone('b', false);
    cluster.hello('b');
    expect(cluster.applied('a', 0)).toContainEqual(expect.objectContaining({ type: 'commit' }));
  });

  it('gives up one that never applies an update', () => {
    const cluster = running({ totalSteps: 1 });
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    cluster.applied('a', 0);
    for (; cluster.nowMs <= LIMITS.shardDeadlineMs + 2000; cluster.nowMs += 1000) {
      for (const peer of ['a', 'b']) cluster.say(peer, { type: 'heartbeat', step: 1, activity: 'applying' });
      cluster.event({ type: 'tick' });
    }
    expect([...cluster.state.workers.keys()]).toEqual(['a']);
    expect(cluster.actions).toContainEqual(expect.objectContaining({ type: 'commit' }));
  });

  it('forgives silence that it slept through itself', () => {
    const cluster = running();
    cluster.nowMs = LIMITS.peerSilenceMs * 2;
    cluster.event({ type: 'tick' });
    expect(cluster.state.workers.size).toBe(2);
  });

  it('ends well when the last worker is lost after everything is saved', () => {
    const cluster = running({ totalSteps: 1, sample: { prime: [1], length: 5, temperature: 1, seed: 1, every: null } });
    cluster.wholeStep();
    cluster.snapshot('a');
    expect(cluster.state.phase.name).toBe('sampling');
    cluster.gone('b');
    const actions = cluster.gone('a');
    expect(actions.at(-1)).toEqual({ type: 'end', outcome: { result: 'done', steps: 1 } });
  });

  it('gives up workers that are silent, slow to load, or do not answer', () => {
    const silent = running();
    for (; silent.nowMs <= LIMITS.peerSilenceMs + 1000; silent.nowMs += 1000) {
      silent.say('a', { type: 'heartbeat', step: 0, activity: 'computing' });
      silent.event({ type: 'tick' });
    }
    expect([...silent.state.workers.keys()]).toEqual(['a']);
    const hung = running();
    for (hung.nowMs = 0; hung.nowMs <= LIMITS.shardDeadlineMs; hung.nowMs += LIMITS.heldUpMs) {
      for (const peer of ['a', 'b']) hung.say(peer, { type: 'heartbeat', step: 0, activity: 'computing' });
      if (hung.nowMs === 0) hung.gradient('a', 0);
      hung.event({ type: 'tick' });
    }
    for (const peer of ['a', 'b']) hung.say(peer, { type: 'heartbeat', step: 0, activity: 'computing' });
    hung.event({ type: 'tick' });
    expect([...hung.state.workers.keys()]).toEqual(['a']);
  });
});

describe('joining a run that goes on', () => {
  it('takes a snapshot of the lead at the step boundary and lets the newcomer take part from there', () => {
    const cluster = running();
    cluster.hello('c');
    cluster.ready('c');
    expect(cluster.state.workers.get('c')?.status).toBe('waiting');
    cluster.answerAll();
    expect(sent(cluster.reduced())).toEqual(['a: update', 'b: update']);
    cluster.applied('a', 0);
    expect(sent(cluster.applied('b', 0))).toEqual(['a: snapshot-request']);
    const actions = cluster.snapshot('a');
    expect(actions.map((action) => action.type)).toEqual(['hold-replica', 'send']);
    expect(sent(actions)).toEqual(['c: replica']);
    expect(sent(cluster.synced('c'), 'assign')).toHaveLength(2);
    expect(cluster.state.phase.name).toBe('computing');
  });

  it('goes on without a newcomer that is lost while it is levelled', () => {
    const cluster = running();
    cluster.hello('c');
    cluster.ready('c');
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    expect(sent(cluster.gone('c'), 'assign')).toHaveLength(2);
  });
});

describe('the end', () => {
  const lastStep = (cluster: CoordinatorHarness): void => {
    for (let step = cluster.state.step; step < cluster.state.settings.totalSteps; step += 1) cluster.wholeStep();
  };
  const snapshotOf = (cluster: CoordinatorHarness, peer = 'a'): ReturnType<CoordinatorHarness['say']> =>
    cluster.snapshot(peer);

  it('saves, validates, samples, tells every worker, then ends', () => {
    const sample = { prime: [1], length: 5, temperature: 1, seed: 1, every: null };
    const cluster = running({ totalSteps: 1, evaluationRows: [8, 3], sample });
    lastStep(cluster);
    expect(snapshotOf(cluster)).toContainEqual(expect.objectContaining({ type: 'checkpoint' }));
    expect(cluster.state.phase.name).toBe('evaluating');
    for (const index of [1, 0]) {
      const { phase } = cluster.state;
      const peer = phase.name === 'evaluating' ? phase.outstanding.get(index)?.peer : undefined;
      const answer = { evaluation: cluster.state.evaluation, index, lossSum: 10 * (index + 1), characters: 10 };
      cluster.say(peer ?? '', { type: 'evaluated', ...answer });
    }
    expect(reports(cluster.actions, 'validation')).toEqual([
      { type: 'validation', step: 1, loss: 1.5, characters: 20 },
    ]);
    const actions = cluster.say('a', { type: 'sampled' }, [new Uint8Array(8)]);
    expect(sent(actions, 'stop')).toEqual(['a: stop', 'b: stop']);
    expect(actions.at(-1)).toEqual({ type: 'end', outcome: { result: 'done', steps: 1 } });
  });

  it('goes on without a sample on the way whose worker is lost, and asks for the last one until it is there', () => {
    const sample = { prime: [1], length: 5, temperature: 1, seed: 1, every: { steps: 1 } };
    const cluster = new CoordinatorHarness({ totalSteps: 2, minWorkers: 3, sample });
    for (const peer of ['a', 'b', 'c']) cluster.join(peer);
    cluster.wholeStep();
    expect(cluster.state.phase).toMatchObject({ name: 'sampling', peer: 'a' });
    cluster.gone('a');
    expect(cluster.state.phase.name).toBe('computing');
    cluster.wholeStep();
    snapshotOf(cluster, 'b');
    expect(cluster.state.phase).toMatchObject({ name: 'sampling', peer: 'b' });
    expect(sent(cluster.gone('b'))).toEqual(['c: sample']);
    const actions = cluster.say('c', { type: 'sampled' }, [new Uint8Array(8)]);
    expect(reports(actions, 'sample')).toMatchObject([{ step: 2 }]);
    expect(actions.at(-1)).toEqual({ type: 'end', outcome: { result: 'done', steps: 2 } });
  });

  it('finishes the running step when told to stop, saves, and samples nothing', () => {
    const cluster = running({ sample: { prime: [1], length: 5, temperature: 1, seed: 1, every: null } });
    cluster.event({ type: 'stop-requested' });
    cluster.wholeStep();
    expect(cluster.state.phase.name).toBe('saving');
    expect(snapshotOf(cluster).at(-1)).toEqual({ type: 'end', outcome: { result: 'stopped', steps: 1 } });
  });

  it('asks another worker for the last snapshot when the lead is lost', () => {
    const cluster = running({ totalSteps: 1 });
    lastStep(cluster);
    expect(sent(cluster.gone('a'))).toEqual(['b: snapshot-request']);
    expect(snapshotOf(cluster, 'b').at(-1)).toMatchObject({ outcome: { result: 'done' } });
  });

  it('takes checkpoints on the way without stopping', () => {
    const cluster = running({ checkpointEvery: { steps: 2 }, totalSteps: 5 });
    cluster.wholeStep();
    cluster.wholeStep();
    expect(cluster.state.phase.name).toBe('computing');
    expect(snapshotOf(cluster)).toContainEqual(expect.objectContaining({ type: 'checkpoint' }));
  });

  it('waits for a checkpoint that was asked for before it was told to stop', () => {
    const cluster = running({ checkpointEvery: { steps: 1 }, stepsPerEpoch: 1, totalSteps: 5, evaluationRows: [8] });
    cluster.wholeStep();
    expect(cluster.state.phase.name).toBe('evaluating');
    cluster.event({ type: 'stop-requested' });
    expect(cluster.state.phase.name).toBe('saving');
    expect(snapshotOf(cluster).at(-1)).toEqual({ type: 'end', outcome: { result: 'stopped', steps: 1 } });
  });

  it('stops at once when nobody has come yet', () => {
    const cluster = new CoordinatorHarness();
    expect(cluster.event({ type: 'stop-requested' }).at(-1)).toEqual({
      type: 'end',
      outcome: { result: 'stopped', steps: 0 },
    });
  });
});
