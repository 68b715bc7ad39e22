import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import { CoordinatorHarness, outcome, reports, sent, those } from '../testing/coordinator-harness.js';

function running(count = 2, overrides: ConstructorParameters<typeof CoordinatorHarness>[0] = {}): CoordinatorHarness {
  const cluster = new CoordinatorHarness({ totalSteps: 50, minWorkers: count, ...overrides });
  for (const peer of ['a', 'b', 'c', 'd'].slice(0, count)) cluster.join(peer);
  return cluster;
}

describe('a gradient that is not finite', () => {
  it('is computed again elsewhere; when that is finite the first worker is quarantined', () => {
    const cluster = running();
    expect(sent(cluster.gradient('b', 1, { finite: false }), 'assign')).toEqual(['a: assign']);
    cluster.gradient('a', 0);
    const actions = cluster.gradient('a', 1);
    expect(those(actions, 'collect')).toHaveLength(1);
    expect(reports(actions, 'quarantined')).toMatchObject([{ name: 'b' }]);
    expect(actions).toContainEqual(expect.objectContaining({ type: 'reduce' }));
    expect(sent(cluster.hello('b'))).toEqual(['b: refuse']);
  });

  it('ends the run as diverged when two workers agree on it', () => {
    const cluster = running();
    cluster.gradient('b', 1, { finite: false });
    const actions = cluster.gradient('a', 1, { lossSum: Number.NaN });
    expect(outcome(actions)).toMatchObject({ failure: { kind: 'data', what: expect.stringContaining('diverged') } });
    expect(those(actions, 'collect')).toEqual([]);
  });

  it('is asked of the same worker again when there is no other', () => {
    const cluster = running(1);
    expect(sent(cluster.gradient('a', 1, { finite: false }), 'assign')).toEqual(['a: assign']);
    expect(those(cluster.gradient('a', 1), 'collect')).toHaveLength(1);
    expect(cluster.state.workers.size).toBe(1);
  });
});

describe('weights that have come apart', () => {
  it('names the odd one of three and gives it the weights of the others', () => {
    const cluster = running(3, { shards: 3 });
    cluster.answerAll();
    cluster.reduced();
    cluster.applied('a', 0);
    cluster.applied('b', 0, 'bent');
    const actions = cluster.applied('c', 0);
    expect(those(actions, 'commit')).toMatchObject([{ committed: { weightsDigest: 'd1' } }]);
    expect(reports(actions, 'mismatch')[0]?.what).toMatch(/worker 1 .*bent/);
    expect(cluster.state.workers.get('b')?.status).toBe('waiting');
  });

  it('goes back to the last checkpoint when two contradict each other, and ends when they do so again', () => {
    const cluster = running();
    const contradict = (): ReturnType<CoordinatorHarness['event']> => {
      cluster.answerAll();
      cluster.reduced();
      cluster.applied('a', 0, 'x');
      return cluster.applied('b', 0, 'y');
    };
    expect(those(contradict(), 'restore')).toHaveLength(1);
    const replica = { step: 0, digest: 'd0', optimizerSteps: 0, slots: [] };
    cluster.event({ type: 'restored', replica, history: [] });
    cluster.synced('a');
    cluster.synced('b');
    expect(outcome(contradict())).toMatchObject({ failure: { kind: 'data', what: expect.stringMatching(/x.*y/) } });
  });

  it('counts no gradient that was computed from them', () => {
    const cluster = running();
    const actions = cluster.gradient('b', 1, { weightsDigest: 'bent' });
    expect(reports(actions, 'rejected')).toMatchObject([{ reason: 'other-weights', slot: 1 }]);
    expect(sent(actions, 'assign')).toEqual(['a: assign']);
    expect(cluster.state.workers.get('b')?.status).toBe('waiting');
  });

  it('keeps answers until it is known what weights the step has', () => {
    const cluster = running();
    cluster.answerAll();
    cluster.reduced();
    cluster.applied('a', 0);
    const early = cluster.gradient('a', 0);
    expect(those(early, 'collect')).toEqual([]);
    expect(sent(early)).toEqual([]);
    expect(those(cluster.applied('b', 0), 'collect')).toHaveLength(1);
  });
});

describe('an audit', () => {
  it('asks two workers, and counts what both say', () => {
    const cluster = running(2, { audit: 1, shards: 1 });
    expect(sent(cluster.actions, 'assign')).toEqual(['a: assign', 'b: assign']);
    expect(those(cluster.gradient('a', 0), 'collect')).toEqual([]);
    expect(those(cluster.gradient('b', 0), 'collect')).toHaveLength(1);
  });

  it('asks a third when they differ, and quarantines who is outvoted', () => {
    const cluster = running(3, { audit: 1, shards: 1 });
    cluster.gradient('a', 0, { digest: 'wrong' });
    expect(sent(cluster.gradient('b', 0), 'assign')).toEqual(['c: assign']);
    const actions = cluster.gradient('c', 0);
    expect(reports(actions, 'quarantined')).toMatchObject([{ name: 'a' }]);
    expect(those(actions, 'collect')).toEqual([]);
    expect(sent(actions, 'ship')).toEqual(['b: ship']);
    expect(those(cluster.shipped('b', 0), 'collect')).toHaveLength(1);
  });

  it('lets one of the two ship what it computed, the other only tell', () => {
    const cluster = running(2, { audit: 1, shards: 1 });
    const ships = those(cluster.actions, 'send').flatMap(({ message }) =>
      message.type === 'assign' ? message.ship : [],
    );
    expect(ships).toEqual([true, false]);
  });
});

describe('a late worker', () => {
  const tickTo = (cluster: CoordinatorHarness, nowMs: number): void => {
    for (; cluster.nowMs < nowMs; cluster.nowMs += 200) cluster.tick();
  };

  it('has its shard computed elsewhere, its answer fenced, and comes back when it has caught up', () => {
    const cluster = running();
    for (let step = 0; step < 4; step += 1) cluster.wholeStep();
    cluster.gradient('a', 0);
    tickTo(cluster, LIMITS.lateFloorMs + 400);
    expect(reports(cluster.actions, 'late')).toMatchObject([{ slot: 1, name: 'b', host: 'h', step: 4 }]);
    expect(cluster.owners().get(1)).toBe('a');
    cluster.gradient('a', 1);
    cluster.reduced();
    expect(sent(cluster.actions.slice(-8), 'update')).toEqual(['a: update']);
    expect(those(cluster.applied('a', 4), 'commit')).toHaveLength(1);
    const late = cluster.gradient('b', 1, { step: 4, weightsDigest: 'd4' });
    expect(reports(late, 'rejected')).toMatchObject([{ reason: 'late' }]);
    expect(cluster.state.workers.get('b')?.status).toBe('waiting');
  });

  it('takes part again at once when its answer still comes in time', () => {
    const cluster = running();
    for (let step = 0; step < 4; step += 1) cluster.wholeStep();
    tickTo(cluster, LIMITS.lateFloorMs + 400);
    const [late] = reports(cluster.actions, 'late');
    const peer = late?.name ?? '';
    expect(cluster.state.workers.get(peer)?.status).toBe('behind');
    const shard = peer === 'a' ? 0 : 1;
    expect(those(cluster.gradient(peer, shard), 'collect')).toHaveLength(1);
    expect(cluster.state.workers.get(peer)?.status).toBe('ready');
  });
});

describe('weights that are late on their way to a joiner', () => {
  /** Two that compute, and one that waits for the weights at the next step boundary. */
  function joined(): CoordinatorHarness {
    const cluster = running(2, { totalSteps: 1000 });
    for (let step = 0; step < 4; step += 1) cluster.wholeStep();
    cluster.hello('c');
    cluster.ready('c');
    cluster.wholeStep();
    expect(cluster.state.phase.name).toBe('levelling');
    return cluster;
  }

  function wait(cluster: CoordinatorHarness): void {
    const untilMs = cluster.nowMs + LIMITS.lateFloorMs + 400;
    for (; cluster.nowMs < untilMs; cluster.nowMs += 200) cluster.tick();
  }

  it('are asked of another where the lead does not send them; it comes back when it has', () => {
    const cluster = joined();
    wait(cluster);
    expect(reports(cluster.actions, 'late')).toMatchObject([{ name: 'a' }]);
    expect(sent(cluster.actions, 'snapshot-request')).toEqual(['a: snapshot-request', 'b: snapshot-request']);
    expect(sent(cluster.snapshot('b'), 'replica')).toEqual(['c: replica']);
    expect(sent(cluster.synced('c'), 'assign')).toEqual(['b: assign', 'c: assign']);
    cluster.snapshot('a');
    expect(cluster.state.workers.get('a')?.status).toBe('ready');
  });

  it('are waited for no longer than a shard where the joiner does not take them', () => {
    const cluster = joined();
    cluster.snapshot('a');
    wait(cluster);
    expect(reports(cluster.actions, 'late')).toMatchObject([{ name: 'c' }]);
    expect([...cluster.owners().values()]).toEqual(['a', 'b']);
    cluster.wholeStep();
    cluster.say('c', { type: 'synced', step: 5, digest: 'd5' });
    expect(cluster.state.workers.get('c')?.status).toBe('waiting');
    cluster.wholeStep();
    cluster.snapshot('a');
    cluster.synced('c');
    expect(cluster.state.workers.get('c')?.status).toBe('ready');
  });
});

describe('a worker that is late again and again', () => {
  it('is let in ever more seldom', () => {
    const cluster = running(2, { totalSteps: 1000 });
    for (let step = 0; step < 4; step += 1) cluster.wholeStep();
    const rests: number[] = [];
    for (let times = 0; times < 4; times += 1) {
      cluster.gradient('a', 0);
      const lateFrom = cluster.nowMs;
      while (cluster.state.workers.get('b')?.status !== 'behind' && cluster.nowMs < lateFrom + 60_000) {
        cluster.nowMs += 200;
        cluster.tick();
      }
      cluster.gradient('b', 1);
      const backFrom = cluster.nowMs;
      while (cluster.state.workers.get('b')?.status !== 'ready' && cluster.nowMs < backFrom + 60_000) {
        cluster.wholeStep();
        cluster.nowMs += 200;
        if (cluster.state.phase.name === 'levelling') cluster.snapshot('a');
        if (cluster.state.workers.get('b')?.status === 'syncing') cluster.synced('b');
      }
      rests.push(Math.round((cluster.nowMs - backFrom) / 1000));
      cluster.wholeStep();
    }
    expect(rests).toEqual([0, 1, 2, 4]);
  });
});

describe('workers that fail again and again', () => {
  it('are let in ever more slowly, then not at all', () => {
    const cluster = running(1);
    const pauses: (number | string)[] = [];
    for (let life = 0; life < LIMITS.strikesMax + 1; life += 1) {
      const peer = `crash-${life}`;
      const [answer] = those(cluster.hello(peer, { name: 'pod-7' }), 'send');
      if (answer?.message.type === 'wait') {
        pauses.push(answer.message.seconds);
        cluster.nowMs += answer.message.seconds * 1000;
        cluster.hello(peer, { name: 'pod-7' });
      } else pauses.push(answer?.message.type ?? '');
      cluster.gone(peer);
    }
    expect(pauses).toEqual(['welcome', 1, 2, 4, 8, 'refuse']);
    expect(cluster.state.workers.size).toBe(1);
  });

  it('make a shard suspect that ends three of them', () => {
    const cluster = running(4, { shards: 1 });
    const computing = { type: 'heartbeat', step: 0, activity: 'computing' } as const;
    for (const peer of ['a', 'b']) {
      cluster.say(peer, computing);
      cluster.gone(peer);
    }
    cluster.say('c', computing);
    const actions = cluster.gone('c');
    expect(outcome(actions)).toMatchObject({
      failure: { kind: 'internal', what: expect.stringMatching(/shard 0 .*rows 0 to 8/) },
    });
  });

  it('do not, when they are lost before they have begun', () => {
    const cluster = running(4, { shards: 1 });
    for (const peer of ['a', 'b', 'c']) cluster.gone(peer);
    expect(cluster.owners().get(0)).toBe('d');
  });

  it('do not, when their connections break and they come back', () => {
    const cluster = running(4, { shards: 1 });
    for (const peer of ['a', 'b', 'c']) {
      cluster.say(peer, { type: 'heartbeat', step: 0, activity: 'computing' });
      cluster.gone(peer, false);
      cluster.comeBack(peer, 0);
    }
    expect(cluster.state.phase.name).toBe('computing');
  });

  it('do when they were cut off and stay away, but only then', () => {
    const cluster = running(4, { shards: 1 });
    const cutOff = (peer: string): void => {
      cluster.say(peer, { type: 'heartbeat', step: 0, activity: 'computing' });
      cluster.gone(peer, false);
    };
    for (const peer of ['a', 'b', 'c']) cutOff(peer);
    expect(cluster.state.phase.name).toBe('computing');
    cluster.comeBack('a', 0);
    cluster.nowMs += LIMITS.reunionMs;
    cluster.say('d', { type: 'heartbeat', step: 0, activity: 'idle' });
    cluster.say('a', { type: 'heartbeat', step: 0, activity: 'idle' });
    cluster.tick();
    expect(cluster.state.phase.name).toBe('computing');
    cutOff('d');
    cluster.nowMs += LIMITS.reunionMs;
    expect(outcome(cluster.tick())).toMatchObject({
      failure: { what: expect.stringMatching(/^shard 0 .* 3 different/) },
    });
  });
});
