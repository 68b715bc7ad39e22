import type { CoordinatorMessage, WorkerMessage } from '@lockstep/protocol';
import { describe, expect, it } from 'vitest';
import { StepAccountant } from './step-account.js';
import type { StepAccount } from './step-account.js';

const ENVELOPE = { run: 'r', term: 1, membership: 1 };
const RECORD = { step: 0, loss: 1, characters: 8, gradientNorm: 1, seconds: 1, shardDigests: ['d'] };

/** A coordinator and what it saw. */
class Seen {
  readonly accountant = new StepAccountant();

  sent(peer: string, endedMs: number, message: CoordinatorMessage, tookMs = 0): StepAccount | null {
    return this.accountant.take({ type: 'sent', peer, message, bytes: 0, beganMs: endedMs - tookMs, endedMs });
  }

  received(peer: string, atMs: number, message: WorkerMessage, workedMs: number, waitedMs = 0): void {
    const times = { waitedMs, workedMs };
    this.accountant.take({ type: 'received', peer, message, times, vitals: undefined, bytes: 0, atMs });
  }

  join(peer: string, slot: number): this {
    const setup = { slot, incarnation: 'i', config: {}, fingerprint: 'f', layoutDigest: 'l', mesh: false };
    this.sent(peer, 0, { type: 'welcome', ...ENVELOPE, ...setup });
    return this;
  }

  assign(peer: string, atMs: number, shard: number, tookMs = 0): void {
    const about = { step: 0, shard, attempt: 0, rows: 4, digest: true, ship: true };
    this.sent(peer, atMs, { type: 'assign', ...ENVELOPE, ...about }, tookMs);
  }

  gradient(peer: string, atMs: number, shard: number, workedMs: number): void {
    const about = { step: 0, shard, attempt: 0, lossSum: 1, characters: 4, computeMs: 1, weightsDigest: null };
    this.received(peer, atMs, { type: 'gradient', ...ENVELOPE, ...about, held: null }, workedMs);
  }

  update(peer: string, atMs: number): StepAccount | null {
    const about = { learningRate: 0.1, exchange: null, scale: 1, digest: true, record: RECORD, journalled: 0 };
    return this.sent(peer, atMs, { type: 'update', ...ENVELOPE, step: 0, ...about });
  }
}

describe('the account of a step', () => {
  it('tells the time as the last worker lived it, and who was waited for', () => {
    const seen = new Seen().join('a', 0).join('b', 3);
    seen.accountant.take({ type: 'step-begun', step: 0, shards: 2, atMs: 100 });
    seen.assign('a', 102, 0, 2);
    seen.assign('b', 104, 1, 2);
    seen.gradient('a', 150, 0, 40);
    // 96 ms between order and answer, of which it worked 90: 3 there, 3 back.
    seen.gradient('b', 200, 1, 90);
    seen.accountant.take({ type: 'collected', step: 0, shard: 1, bytes: 0, beganMs: 200, endedMs: 204 });
    seen.accountant.take({ type: 'reduced', step: 0, beganMs: 204, endedMs: 210 });
    const account = seen.update('a', 212);
    expect(seen.update('b', 213)).toBeNull();
    expect(account).toEqual({
      ...{ step: 0, durationMs: 112, endedMs: 212, blame: { worker: 3, waitMs: 50 } },
      phasesMs: { data: 4, dispatch: 3, compute: 90, transfer: 3, reduce: 10, apply: 0, checkpoint: 0, other: 2 },
    });
  });

  it('blames nobody where there is one worker, and none that has gone', () => {
    const seen = new Seen().join('a', 0).join('b', 1);
    seen.accountant.take({ type: 'step-begun', step: 0, shards: 2, atMs: 0 });
    seen.assign('a', 0, 0);
    seen.assign('b', 0, 1);
    seen.gradient('a', 10, 0, 5);
    seen.gradient('b', 30, 1, 5);
    seen.accountant.forget(1);
    expect(seen.accountant.slotOf('b')).toBeUndefined();
    expect(seen.update('a', 40)?.blame).toBeNull();
  });

  it('is none where a step came to nothing', () => {
    const seen = new Seen().join('a', 0);
    seen.accountant.take({ type: 'step-begun', step: 0, shards: 1, atMs: 0 });
    seen.accountant.abandon();
    expect(seen.update('a', 40)).toBeNull();
  });
});
