import { describe, expect, it } from 'vitest';
import { BYTES_PER_TURN_MAX } from '../limits.js';
import { Breather } from './breather.js';

/** How many of so many reads were over before the event loop took its next turn. */
async function readsInOneTurn(reads: number, lengthBytes: number): Promise<number> {
  const frames = [new Uint8Array(8), new Uint8Array(lengthBytes)];
  const breather = new Breather();
  let [done, doneInTurn] = [0, 0];
  setImmediate(() => (doneInTurn = done));
  for (; done < reads; done += 1) await breather.read(frames);
  await new Promise((resolve) => setImmediate(resolve));
  return doneInTurn;
}

describe('Breather', () => {
  it('lets the event loop turn after so many bytes', async () => {
    expect(await readsInOneTurn(100, BYTES_PER_TURN_MAX)).toBe(0);
    expect(await readsInOneTurn(100, BYTES_PER_TURN_MAX / 10)).toBe(9);
  });

  it('reads on in one turn while messages are small', async () => {
    expect(await readsInOneTurn(1_000, 100)).toBe(1_000);
  });
});
