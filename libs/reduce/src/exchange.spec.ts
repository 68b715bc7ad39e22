import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf } from './digest.js';
import { Exchange } from './exchange.js';
import type { ExchangeSetting, Piece, SendPiece } from './exchange.js';
import { divideInPlace } from '@lockstep/vector';
import { clipScale, finishGradient, normOf } from './finish.js';
import { TreeSum } from './tree-sum.js';

interface Letter {
  readonly from: number;
  readonly to: number;
  readonly piece: Piece;
  readonly bytes: Uint8Array;
}

function gradientOf(shard: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + shard * 78.233) * 10 ** ((i + shard) % 5));
}

/** All members of one exchange, and what is on the way between them. */
function group(about: Omit<ExchangeSetting, 'self'>): { exchanges: readonly Exchange[]; letters: Letter[] } {
  const letters: Letter[] = [];
  const exchanges = Array.from({ length: about.members }, (_, self) => {
    const held = new Map<number, Float32Array>();
    about.holders.forEach((holder, shard) => {
      if (holder === self) held.set(shard, gradientOf(shard, about.length));
    });
    const send: SendPiece = (members, piece, values) => {
      for (const to of members) letters.push({ from: self, to, piece, bytes: bytesOf(values).slice() });
    };
    return new Exchange(
      { ...about, self },
      held,
      new Float32Array(about.length),
      send,
      (length) => new Float32Array(length),
    );
  });
  return { exchanges, letters };
}

/** What one process that has all gradients makes of them. */
function alone({ holders, length, characters, blockLength }: Omit<ExchangeSetting, 'self'>): {
  mean: Float32Array;
  squares: readonly number[];
} {
  const sum = new TreeSum(holders.length, length);
  holders.forEach((_, shard) => sum.add(shard, gradientOf(shard, length)));
  const mean = sum.take();
  return { mean, squares: [...divideInPlace(mean, characters, blockLength)] };
}

const settings = fc
  .record({
    length: fc.integer({ min: 1, max: 400 }),
    members: fc.integer({ min: 1, max: 6 }),
    shards: fc.integer({ min: 1, max: 9 }),
    characters: fc.integer({ min: 1, max: 6400 }),
    blockLength: fc.constantFrom(16, 32, 48),
    blocksInPiece: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ shards, members, blocksInPiece, ...rest }) =>
    fc.record({
      about: fc
        .array(fc.integer({ min: 0, max: members - 1 }), { minLength: shards, maxLength: shards })
        .map((holders) => ({ ...rest, members, holders, pieceLength: rest.blockLength * blocksInPiece })),
      order: fc.infiniteStream(fc.nat()),
    }),
  );

describe('an exchange', () => {
  it('gives every member the bits of one process that sums it all, whoever holds what, in whatever order', () => {
    fc.assert(
      fc.property(settings, ({ about, order }) => {
        const { exchanges, letters } = group(about);
        for (const exchange of exchanges) exchange.begin();
        while (letters.length > 0) {
          const [letter] = letters.splice(order.next().value % letters.length, 1);
          if (letter === undefined) break;
          expect(exchanges[letter.to]?.receive(letter.from, letter.piece, letter.bytes)).toBeNull();
        }
        const expected = alone(about);
        for (const exchange of exchanges) {
          expect(exchange.missing).toEqual([]);
          expect(exchange.complete).toBe(true);
          expect(bytesOf(exchange.mean)).toEqual(bytesOf(expected.mean));
        }
        expect(exchanges.flatMap(({ squares }) => squares)).toEqual(expected.squares);
      }),
    );
  });

  it('has the norm, and so the clipping, of finishGradient', () => {
    const about = { length: 200_000, members: 3, holders: [0, 1, 2, 2], characters: 6400 };
    const { exchanges, letters } = group({ ...about, blockLength: 65_536, pieceLength: 65_536 });
    for (const exchange of exchanges) exchange.begin();
    for (const { from, to, piece, bytes } of letters) exchanges[to]?.receive(from, piece, bytes);
    const sum = new TreeSum(4, about.length);
    for (const shard of [3, 1, 0, 2]) sum.add(shard, gradientOf(shard, about.length));
    const { norm } = finishGradient(sum.take(), about.characters, 0.5);
    expect(normOf(Float64Array.from(exchanges.flatMap(({ squares }) => squares)))).toBe(norm);
    expect(clipScale(norm, 0.5)).toBe(0.5 / norm);
  });

  it('names the members of whom something is awaited', () => {
    const about = { length: 64, members: 3, holders: [0, 1, 1, 2], characters: 4, blockLength: 16, pieceLength: 16 };
    const { exchanges, letters } = group(about);
    const [first] = exchanges;
    for (const exchange of exchanges) exchange.begin();
    expect(first?.missing).toEqual([1, 2]);
    for (const { from, to, piece, bytes } of [...letters]) if (from === 1) exchanges[to]?.receive(from, piece, bytes);
    expect(first?.missing).toEqual([1, 2]);
    for (const { from, to, piece, bytes } of [...letters]) if (from === 2) exchanges[to]?.receive(from, piece, bytes);
    expect(first?.complete).toBe(false);
  });

  it.each([
    ['twice', (letter: Letter) => [letter, letter]],
    ['from another', (letter: Letter) => [{ ...letter, from: 2 }]],
    ['of another length', (letter: Letter) => [{ ...letter, bytes: letter.bytes.slice(4) }]],
    ['at another place', (letter: Letter) => [{ ...letter, piece: { ...letter.piece, start: 1 } }]],
    ['over other shards', (letter: Letter) => [{ ...letter, piece: { ...letter.piece, endShard: 9 } }]],
  ])('refuses a part that comes %s', (_, change) => {
    const about = { length: 64, members: 3, holders: [0, 1, 2, 2], characters: 4, blockLength: 16, pieceLength: 16 };
    const { exchanges, letters } = group(about);
    for (const exchange of exchanges) exchange.begin();
    const letter = letters.find(({ to, from }) => to === 0 && from === 1);
    const answers =
      letter === undefined ? [] : change(letter).map((one) => exchanges[0]?.receive(one.from, one.piece, one.bytes));
    expect(answers.at(-1)).toEqual(expect.any(String));
  });
});
