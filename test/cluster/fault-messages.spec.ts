/**
 * Whole messages go astray between workers and coordinator, which TCP never does by itself: doubled, lost, late, out
 * of order, shortened. Each is noticed by its number or its checksum, none is counted in twice, none is missing.
 */
import { describe, expect, it } from 'vitest';
import { behindProxy } from '../faults/behind-proxy.js';
import { Comparison } from '../faults/runs.js';
import type { Direction } from '../faults/tcp-proxy.js';
import { ZmtpFaults } from '../faults/zmtp.js';
import type { Fate, ZmtpMessage } from '../faults/zmtp.js';

/** A worker that breaks off looks for the coordinator again after a second or so. */
const pauseMs = 80;

const comparison = new Comparison(30);

/** What a message is, after the header that begins it; undefined for what is the transport's own. */
const typeOf = ({ frames }: ZmtpMessage): string | undefined => /"type":"([a-z-]+)"/.exec(String(frames[0]))?.[1];

/** A fate for these messages of one type, counted over all connections from 1; all others pass. */
function fateOf(direction: Direction, type: string, fate: Fate, numbers: readonly number[]): ZmtpFaults {
  let count = 0;
  return new ZmtpFaults((message) => {
    if (message.direction !== direction || typeOf(message) !== type) return 'pass';
    count += 1;
    return numbers.includes(count) ? fate : 'pass';
  });
}

const CASES: readonly [Fate, Direction, string][] = [
  ...(['duplicate', 'drop', 'swap', 'truncate'] as const).flatMap((fate): [Fate, Direction, string][] => [
    [fate, 'up', 'gradient'],
    [fate, 'down', 'update'],
    [fate, 'down', 'assign'],
  ]),
  ['duplicate', 'up', 'hello'],
  ['drop', 'up', 'hello'],
  ['duplicate', 'up', 'ready'],
  ['drop', 'down', 'welcome'],
  ['duplicate', 'down', 'replica'],
  ['drop', 'down', 'replica'],
  ['truncate', 'down', 'replica'],
  ['drop', 'up', 'applied'],
  ['duplicate', 'up', 'applied'],
];

describe('messages that go astray', () => {
  it.each(CASES)('%s (%s): %s', async (fate, direction, type) => {
    const isAtStart = ['hello', 'ready', 'welcome', 'replica'].includes(type);
    const faults = fateOf(direction, type, fate, isAtStart ? [1] : [7, 21]);
    const { expectSame } = await behindProxy(comparison, { pauseMs, rewrite: faults.rewrite });
    await expectSame();
    expect(faults.counts[fate]).toBe(isAtStart ? 1 : 2);
  });

  it('an old gradient that comes ten steps late', async () => {
    const faults = fateOf('up', 'gradient', 'hold', [7]);
    const { harmed, expectSame } = await behindProxy(comparison, { pauseMs, rewrite: faults.rewrite });
    await harmed.step(14);
    expect(faults.release()).toBe(1);
    await expectSame();
    expect(faults.counts.hold).toBe(1);
  });
});
