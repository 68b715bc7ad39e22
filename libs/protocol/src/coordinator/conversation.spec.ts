import { LIMITS } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../messages.js';
import { CoordinatorHarness, reports, sent, those } from '../testing/coordinator-harness.js';

function running(): CoordinatorHarness {
  const cluster = new CoordinatorHarness({ totalSteps: 10 });
  cluster.join('a');
  cluster.join('b');
  return cluster;
}

const HEARTBEAT = { type: 'heartbeat', step: 0, activity: 'idle' } as const;

describe('the talk with a worker', () => {
  it('numbers what it says without a gap', () => {
    const cluster = running();
    cluster.wholeStep();
    const stamps = those(cluster.actions, 'send')
      .filter(({ peer }) => peer === 'a')
      .map(({ stamp }) => stamp);
    expect(stamps).toEqual(stamps.map((_, sequence) => ({ conversation: 1, sequence })));
  });

  it('drops and counts duplicates and what is of an earlier conversation, run or term', () => {
    const cluster = running();
    const envelope = { run: 'run-1', term: 1, membership: 0 };
    const reasons = [
      cluster.say('a', HEARTBEAT, [], { stamp: { conversation: 1, sequence: 1 } }),
      cluster.say('a', HEARTBEAT, [], { stamp: { conversation: 0, sequence: 9 } }),
      cluster.message('a', { ...HEARTBEAT, ...envelope, term: 7 }, [], { stamp: { conversation: 1, sequence: 3 } }),
      cluster.message('a', { ...HEARTBEAT, ...envelope, run: 'x' }, [], { stamp: { conversation: 1, sequence: 3 } }),
      cluster.say('stranger', HEARTBEAT),
    ].map((actions) => reports(actions, 'rejected')[0]?.reason);
    expect(reasons).toEqual(['duplicate', 'stale-conversation', 'stale-term', 'other-run', 'not-a-member']);
    expect(cluster.state.workers.size).toBe(2);
  });

  it('is begun anew when messages are missing: the worker is dropped, its shard moves, and it comes back', () => {
    const cluster = running();
    const actions = cluster.say('b', HEARTBEAT, [], { stamp: { conversation: 1, sequence: 9 } });
    expect(reports(actions, 'rejected')).toMatchObject([{ reason: 'messages-missing' }]);
    expect(those(actions, 'drop')).toEqual([{ type: 'drop', peer: 'b' }]);
    expect(sent(actions, 'assign')).toEqual(['a: assign']);
    cluster.comeBack('b', 0);
    expect(cluster.state.workers.get('b')?.status).toBe('ready');
  });

  it('is begun anew when something damaged comes, and ended when that goes on', () => {
    const cluster = running();
    const damage = (): ReturnType<CoordinatorHarness['event']> =>
      cluster.event({ type: 'unreadable', peer: 'b', problem: 'damaged', what: 'received noise' });
    expect(those(damage(), 'drop')).toHaveLength(1);
    for (let times = 1; times < LIMITS.breachesMax; times += 1) {
      cluster.comeBack('b', 0);
      damage();
    }
    cluster.comeBack('b', 0);
    const last = damage();
    expect(sent(last, 'stop')).toEqual(['b: stop']);
    expect(those(last, 'drop')).toEqual([]);
  });

  it('says nothing to damaged words of a stranger, and tells one of another version', () => {
    const cluster = running();
    const damaged = cluster.event({ type: 'unreadable', peer: 'x', problem: 'damaged', what: 'received noise' });
    expect(sent(damaged)).toEqual([]);
    const foreign = cluster.event({ type: 'unreadable', peer: 'x', problem: 'version', what: 'protocol 9' });
    expect(sent(foreign)).toEqual(['x: refuse']);
  });

  it('takes a hello said twice once', () => {
    const cluster = new CoordinatorHarness();
    cluster.hello('a');
    const hello = {
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      softwareVersion: '0',
      run: null,
      obeyed: null,
      name: 'a',
      supervised: false,
      host: 'h',
      pid: 1,
    } as const;
    const again = cluster.message('a', hello, [], { stamp: { conversation: 1, sequence: 0 } });
    expect(reports(again, 'rejected')).toMatchObject([{ reason: 'duplicate' }]);
    expect(sent(cluster.hello('a'))).toEqual(['a: welcome']);
  });
});

describe('a worker that is told to go', () => {
  it('finishes its shard, is released at once when others are there, and is no failure', () => {
    const cluster = running();
    expect(sent(cluster.say('b', { type: 'leave' }))).toEqual([]);
    const actions = cluster.gradient('b', 1);
    expect(sent(actions, 'stop')).toEqual(['b: stop']);
    expect(reports(actions, 'worker')).toMatchObject([{ slot: 1, status: 'left' }]);
    expect(cluster.state.strikes.size).toBe(0);
  });

  it('hands its shard back when it takes too long', () => {
    const cluster = running();
    cluster.gradient('a', 0);
    cluster.event({ type: 'command', id: 1, command: { type: 'drain', slot: 1 } });
    for (; cluster.nowMs <= LIMITS.drainMs + 400; cluster.nowMs += 200) cluster.tick();
    expect(cluster.owners().get(1)).toBe('a');
    expect([...cluster.state.workers.keys()]).toEqual(['a']);
  });

  it('hands over the weights first when it is the last', () => {
    const cluster = running();
    cluster.say('a', { type: 'leave' });
    cluster.say('b', { type: 'leave' });
    cluster.gradient('a', 0);
    cluster.gradient('b', 1);
    cluster.reduced();
    const peer = [...cluster.state.workers.keys()][0] ?? '';
    const asked = cluster.applied(peer, 0);
    expect(sent(asked, 'snapshot-request')).toEqual([`${peer}: snapshot-request`]);
    const actions = cluster.snapshot(peer);
    expect(actions.map(({ type }) => type)).toEqual(expect.arrayContaining(['hold-replica', 'checkpoint', 'send']));
    expect(cluster.state.workers.size).toBe(0);
    expect(cluster.state.phase.name).toBe('gathering');
    cluster.join('c');
    expect(cluster.owners().get(0)).toBe('c');
  });
});

describe('another plan', () => {
  it('is journalled before the first step that uses it', () => {
    const cluster = running();
    cluster.event({ type: 'command', id: 7, command: { type: 'reshard', shards: 4 } });
    cluster.answerAll();
    const [asked] = those(cluster.reduced(), 'journal-plan');
    expect(asked?.plan).toMatchObject({ fromStep: 1, shards: { length: 4 } });
    expect(cluster.state.phase.name).toBe('replanning');
    if (asked === undefined) return;
    const actions = cluster.event({ type: 'plan-journalled', plan: asked.plan });
    expect(those(actions, 'reply')).toMatchObject([{ id: 7, ok: true }]);
    expect(those(actions, 'begin-step')).toEqual([{ type: 'begin-step', step: 1, shards: 4 }]);
  });

  it('is refused when there are not that many rows', () => {
    const cluster = running();
    const actions = cluster.event({ type: 'command', id: 7, command: { type: 'reshard', shards: 9 } });
    expect(those(actions, 'reply')).toMatchObject([{ ok: false, text: expect.stringContaining('1 to 8') }]);
  });
});
