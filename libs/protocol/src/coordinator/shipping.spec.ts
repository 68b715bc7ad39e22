import { LIMITS } from '@lockstep/config';
import { planShards } from '@lockstep/data';
import { TreeSum } from '@lockstep/reduce';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoordinatorHarness, outcome, reports, sent, those } from '../testing/coordinator-harness.js';
import type { CoordinatorAction } from './events.js';
import { gradientCreditFor, gradientsHeldMax } from './shipping.js';

const PEERS = ['a', 'b', 'c', 'd'];

interface Sizes {
  readonly workers: number;
  readonly shards: number;
  readonly gradientCredit: number;
}

function running({ workers, shards, gradientCredit }: Sizes): CoordinatorHarness {
  const plans = [{ fromStep: 0, shards: planShards(32, shards) }];
  const cluster = new CoordinatorHarness({ batchSize: 32, plans, minWorkers: workers, gradientCredit });
  for (const peer of PEERS.slice(0, workers)) cluster.join(peer);
  return cluster;
}

/** The cluster, and the sum that its driver makes. */
class Summing {
  readonly #cluster: CoordinatorHarness;
  readonly #sum: TreeSum;
  readonly #credit: number;
  most = 0;
  #seen = 0;

  constructor(cluster: CoordinatorHarness, { shards, gradientCredit }: Sizes) {
    this.#cluster = cluster;
    this.#sum = new TreeSum(shards, 1);
    this.#credit = gradientCredit;
    this.look();
  }

  get phase() {
    const { phase } = this.#cluster.state;
    return phase.name === 'computing' ? phase : undefined;
  }

  /** Shards that are asked for, and by whom they are held. */
  get asked(): readonly (readonly [number, string])[] {
    const asked = [...(this.phase?.results ?? [])].filter(([, { gradient }]) => gradient === 'asked');
    return asked.map(([shard, { peer }]) => [shard, peer]);
  }

  get given(): readonly (readonly [number, string])[] {
    return [...(this.phase?.open ?? [])].flatMap(([shard, { assignments }]) =>
      assignments.map(({ peer }) => [shard, peer] as const),
    );
  }

  /** Adds what was collected since the last look, and counts what is here or about to come. */
  look(): void {
    const actions: readonly CoordinatorAction[] = this.#cluster.actions.slice(this.#seen);
    this.#seen = this.#cluster.actions.length;
    for (const { shard } of those(actions, 'collect')) this.#sum.add(shard, Float32Array.of(1));
    const open = [...(this.phase?.open.values() ?? [])];
    const coming = open.filter(({ assignments }) => assignments.some(({ isExpected }) => isExpected)).length;
    const kept = open.flatMap(({ answers }) => answers).filter(({ payload }) => payload !== null).length;
    const onTheWay = coming + kept + this.asked.length;
    expect(onTheWay).toBeLessThanOrEqual(this.#credit);
    if (this.phase !== undefined) this.most = Math.max(this.most, onTheWay + this.#sum.held);
  }

  /** One of what can happen: an answer, a gradient, or, now and then, a worker that is cut off and comes back. */
  turn(pick: number, faults: boolean): void {
    const events = [
      ...this.given.map(
        ([shard, peer]) =>
          () =>
            this.#cluster.gradient(peer, shard),
      ),
      ...this.asked.map(
        ([shard, peer]) =>
          () =>
            this.#cluster.shipped(peer, shard),
      ),
      ...(faults ? [...this.#cluster.state.workers.keys()].slice(1).map((peer) => () => this.#cutOff(peer)) : []),
    ];
    events[pick % events.length]?.();
    this.look();
  }

  #cutOff(peer: string): readonly CoordinatorAction[] {
    this.#cluster.gone(peer, false);
    this.look();
    return this.#cluster.comeBack(peer, 0);
  }

  finish(): void {
    for (let turns = 0; turns < 1_000 && this.phase !== undefined; turns += 1) this.turn(0, false);
  }
}

const sizesArbitrary = fc.record({
  workers: fc.integer({ min: 1, max: 4 }),
  shards: fc.integer({ min: 1, max: 32 }),
  gradientCredit: fc.integer({ min: 1, max: 5 }),
});
const picks = fc.array(fc.nat(), { maxLength: 60 });

describe('the credit of gradients', () => {
  it('bounds what is here and on its way, in any order of answers, and every step gets to its end', () => {
    fc.assert(
      fc.property(sizesArbitrary, picks, (sizes, turns) => {
        const cluster = running(sizes);
        const summing = new Summing(cluster, sizes);
        for (const pick of turns) summing.turn(pick, false);
        summing.finish();
        expect(cluster.state.phase.name).toBe('reducing');
        expect(summing.most).toBeLessThanOrEqual(gradientsHeldMax(sizes.gradientCredit, sizes.shards));
      }),
      { numRuns: 100 },
    );
  });

  it('lets all others of 16 through but one at most when one shard is slow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 5 }), fc.integer({ min: 2, max: 16 }), fc.nat(), (credit, shards, pick) => {
        const sizes = { workers: 1, shards, gradientCredit: credit };
        const cluster = running(sizes);
        const summing = new Summing(cluster, sizes);
        const slow = pick % shards;
        const others = (): readonly (readonly [number, string])[] => summing.given.filter(([shard]) => shard !== slow);
        for (let [next] = others(); next !== undefined; [next] = others()) {
          cluster.gradient(next[1], next[0]);
          summing.look();
          cluster.shipAll();
          summing.look();
        }
        expect([...(summing.phase?.open.keys() ?? [])]).toEqual([slow]);
        const held = [...(summing.phase?.results.values() ?? [])].filter(({ gradient }) => gradient === 'held');
        expect(held.length).toBeLessThanOrEqual(1);
        summing.finish();
        expect(summing.most).toBeLessThanOrEqual(gradientsHeldMax(credit, shards));
      }),
    );
  });

  it('bounds it when workers are lost and come back, too', () => {
    fc.assert(
      fc.property(sizesArbitrary, picks, (sizes, turns) => {
        const cluster = running(sizes);
        const summing = new Summing(cluster, sizes);
        for (const pick of turns) summing.turn(pick, true);
        summing.finish();
        expect(outcome(cluster.actions)).toBeUndefined();
        expect(cluster.state.phase.name).toBe('reducing');
        expect(summing.most).toBeLessThanOrEqual(gradientsHeldMax(sizes.gradientCredit, sizes.shards));
      }),
      { numRuns: 100 },
    );
  });

  it('has all shipped with their answers where all have room', () => {
    const cluster = running({ workers: 2, shards: 4, gradientCredit: 4 });
    cluster.answerAll();
    expect(sent(cluster.actions, 'ship')).toEqual([]);
    expect(cluster.state.phase.name).toBe('reducing');
  });

  it('is not used up by shards that are dealt: one who is slow keeps nobody waiting', () => {
    const cluster = running({ workers: 4, shards: 8, gradientCredit: 3 });
    for (const [shard, peer] of [
      [7, 'd'],
      [6, 'd'],
      [5, 'c'],
      [4, 'c'],
    ] as const) {
      expect(sent(cluster.gradient(peer, shard), 'ship')).toEqual([`${peer}: ship`]);
      cluster.shipped(peer, shard);
    }
    const { phase } = cluster.state;
    expect(phase.name === 'computing' && phase.results.size).toBe(4);
  });

  it('is two for large gradients and enough for everybody of small ones', () => {
    expect(gradientCreditFor(2 ** 30)).toBe(2);
    expect(gradientCreditFor(LIMITS.gradientsOnTheWayBytes / 3)).toBe(3);
    expect(gradientCreditFor(4_000)).toBeGreaterThan(10_000);
  });
});

describe('a gradient that is held', () => {
  it('starts the watch of its worker when it is asked for, and its way is a part of what a shard takes', () => {
    const cluster = running({ workers: 2, shards: 2, gradientCredit: 1 });
    cluster.answerAll();
    expect(sent(cluster.actions, 'ship')).toEqual(['a: ship']);
    cluster.nowMs += 100;
    expect(cluster.state.workers.get('a')?.busySinceMs).toBe(0);
    expect(cluster.state.workers.get('b')?.busySinceMs).toBeNull();
    cluster.shipped('a', 0);
    expect(cluster.state.workers.get('a')?.busySinceMs).toBeNull();
    expect(cluster.state.answerMs).toEqual([100]);
    expect(cluster.state.workers.get('b')?.busySinceMs).toBe(100);
  });

  it('is no use when it is not the one that was told of', () => {
    const cluster = running({ workers: 2, shards: 2, gradientCredit: 1 });
    cluster.gradient('a', 0);
    const actions = cluster.shipped('a', 0, { digest: 'other' });
    expect(those(actions, 'collect')).toEqual([]);
    expect(reports(actions, 'rejected')).toMatchObject([{ reason: 'damaged' }]);
    expect(those(actions, 'drop')).toHaveLength(1);
    expect(cluster.owners().get(0)).toBe('b');
  });
});
