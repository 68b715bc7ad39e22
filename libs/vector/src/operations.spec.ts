import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vectorsTogether } from './memory.js';
import {
  adamInPlace,
  addInPlace,
  addTogether,
  allFinite,
  descendInPlace,
  divideInPlace,
  meanTogether,
  packBfloat16,
  scaleInPlace,
  unpackBfloat16,
} from './operations.js';
import * as plain from './testing/plain.js';

const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;
const SPECIAL = [0, -0, 1, -1, 2 ** -149, -(2 ** -149), 2 ** -126 - 2 ** -149, 2 ** -126, FLOAT32_MAX, -FLOAT32_MAX];
const ODD = [Infinity, -Infinity, NaN];
/** Longer than a piece of any operation, and not a multiple of anything. */
const LONG = 140_003;

interface Shape {
  readonly length: number;
  readonly offset: number;
  readonly seed: number;
  readonly isHome: boolean;
  readonly hasOdd: boolean;
}

const shapes = fc.record({
  length: fc.oneof({ weight: 3, arbitrary: fc.nat(70) }, { weight: 2, arbitrary: fc.nat(5000) }, fc.constant(LONG)),
  offset: fc.nat(17),
  seed: fc.integer(),
  isHome: fc.boolean(),
  hasOdd: fc.boolean(),
});

const homes = vectorsTogether(4, LONG + 64);

/** A xorshift generator: any 32 bits, so that all exponents come, and special values among them. */
function valuesOf({ length, seed, hasOdd }: Shape, salt: number): Float32Array {
  let state = (seed ^ Math.imul(salt + 1, 0x9e3779b9)) | 1;
  const values = new Float32Array(length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const choice = (state >>> 8) % 16;
    if (choice === 0) values[i] = SPECIAL[(state >>> 16) % SPECIAL.length];
    else if (choice === 1 && hasOdd) values[i] = ODD[(state >>> 16) % ODD.length];
    else if (choice < 8) bits[i] = state;
    else values[i] = state / 2 ** 31;
    if (!hasOdd && !Number.isFinite(values[i])) values[i] = state;
  }
  return values;
}

/** The same values at some place in a longer vector, whose other values must not change. */
function placed(shape: Shape, salt: number): { vector: Float32Array; isSoundAround: () => boolean } {
  const { length, offset, isHome } = shape;
  const whole = isHome ? homes[salt] : new Float32Array(offset + length + 16);
  whole.fill(7.5);
  const vector = whole.subarray(offset, offset + length);
  vector.set(valuesOf(shape, salt));
  const around = [whole.subarray(0, offset), whole.subarray(offset + length)];
  return { vector, isSoundAround: () => around.every((part) => part.every((value) => value === 7.5)) };
}

/** Bits, with the same for all NaNs; as one text, because `toEqual` is slow on long arrays. */
function bitsOf(values: Float32Array | readonly number[]): string {
  const floats = values instanceof Float32Array ? values.slice() : Float64Array.from(values);
  floats.forEach((value, i) => Number.isNaN(value) && (floats[i] = NaN));
  return Buffer.from(floats.buffer).toString('latin1');
}

/** Runs an operation and its plain loop on the same vectors and compares all vectors afterwards. */
function expectSame(
  shape: Shape,
  count: number,
  operation: (vectors: Float32Array[]) => unknown,
  reference: (vectors: Float32Array[]) => unknown,
): void {
  const places = Array.from({ length: count }, (_, salt) => placed(shape, salt));
  const expected = Array.from({ length: count }, (_, salt) => valuesOf(shape, salt));
  const result = operation(places.map(({ vector }) => vector));
  expect(result).toEqual(reference(expected));
  places.forEach(({ vector, isSoundAround }, index) => {
    expect(bitsOf(vector) === bitsOf(expected[index]), `vector ${index}`).toBe(true);
    expect(isSoundAround(), `around vector ${index}`).toBe(true);
  });
}

const factors = fc.oneof(fc.double({ noNaN: true }), fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, 2 ** -140));

describe('every operation equals its plain loop, bit for bit', () => {
  it('addInPlace', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expectSame(
          shape,
          2,
          ([a, b]) => addInPlace(a, b),
          ([a, b]) => plain.plainAdd(a, b),
        );
      }),
    );
  });

  it('addTogether, along any list of additions', () => {
    const pairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 6 });
    fc.assert(
      fc.property(shapes, pairs, (shape, additions) => {
        const around = placed(shape, 0);
        const vectors = [0, 1, 2, 3].map((salt) => (salt === 0 ? around.vector : placed(shape, salt).vector));
        const expected = new Float32Array(shape.length);
        plain.plainAddTogether(
          expected,
          [0, 1, 2, 3].map((salt) => valuesOf(shape, salt)),
          additions,
        );
        const into = new Float32Array(shape.length);
        addTogether(into, vectors, additions);
        expect(bitsOf(into) === bitsOf(expected)).toBe(true);
        expect(bitsOf(vectors[1]) === bitsOf(valuesOf(shape, 1)), 'an input changed').toBe(true);
        addTogether(vectors[2], vectors, additions);
        expect(bitsOf(vectors[2]) === bitsOf(expected), 'into one of the inputs').toBe(true);
        expect(around.isSoundAround()).toBe(true);
      }),
    );
  });

  it('meanTogether, which adds up and divides', () => {
    const pairs = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { maxLength: 4 });
    const divisors = fc.oneof(fc.integer({ min: 1, max: 2 ** 30 }), fc.double({ min: 2 ** -200, noNaN: true }));
    fc.assert(
      fc.property(shapes, pairs, divisors, fc.constantFrom(16, 1024), (shape, additions, divisor, block) => {
        const vectors = [0, 1, 2].map((salt) => placed(shape, salt).vector);
        const expected = new Float32Array(shape.length);
        plain.plainAddTogether(
          expected,
          [0, 1, 2].map((salt) => valuesOf(shape, salt)),
          additions,
        );
        const squares = plain.plainDivide(expected, divisor, block);
        const into = new Float32Array(shape.length);
        expect(bitsOf([...meanTogether(into, vectors, additions, divisor, block)])).toEqual(bitsOf(squares));
        expect(bitsOf(into) === bitsOf(expected)).toBe(true);
      }),
    );
  });

  it('scaleInPlace', () => {
    fc.assert(
      fc.property(shapes, factors, (shape, factor) => {
        expectSame(
          shape,
          1,
          ([a]) => scaleInPlace(a, factor),
          ([a]) => plain.plainScale(a, factor),
        );
      }),
    );
  });

  it('divideInPlace, and the sums of squares with it', () => {
    const blocks = fc.constantFrom(16, 48, 1024, 65_536);
    const divisors = fc.oneof(fc.integer({ min: 1, max: 2 ** 30 }), fc.double({ min: 2 ** -200, noNaN: true }));
    fc.assert(
      fc.property(shapes, divisors, blocks, (shape, divisor, block) => {
        expectSame(
          shape,
          1,
          ([a]) => bitsOf([...divideInPlace(a, divisor, block)]),
          ([a]) => bitsOf(plain.plainDivide(a, divisor, block)),
        );
      }),
    );
  });

  it('allFinite', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expectSame(
          shape,
          1,
          ([a]) => allFinite(a),
          ([a]) => plain.plainAllFinite(a),
        );
      }),
    );
  });

  it('adamInPlace', () => {
    const beta = fc.double({ min: 0, max: 0.99999, noNaN: true });
    const numbers = fc.tuple(beta, beta, factors, factors, fc.double({ min: 1e-12, max: 1, noNaN: true }));
    fc.assert(
      fc.property(shapes, numbers, (shape, [beta1, beta2, rate, rootScale, epsilon]) => {
        const all: [number, number, number, number, number, number, number] = [
          ...([beta1, 1 - beta1, beta2, 1 - beta2, rate] as const),
          ...([rootScale, epsilon] as const),
        ];
        expectSame(
          shape,
          4,
          ([weights, m, v, gradient]) => adamInPlace({ weights, m, v }, gradient, all),
          ([weights, m, v, gradient]) => plain.plainAdam(weights, m, v, gradient, all),
        );
      }),
    );
  });

  it('descendInPlace', () => {
    fc.assert(
      fc.property(shapes, factors, (shape, rate) => {
        expectSame(
          shape,
          2,
          ([a, b]) => descendInPlace(a, b, rate),
          ([a, b]) => plain.plainDescend(a, b, rate),
        );
      }),
    );
  });

  it('packBfloat16 and unpackBfloat16', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { vector } = placed(shape, 0);
        const [packed, expected] = [new Uint16Array(shape.length + 3), new Uint16Array(shape.length)];
        packBfloat16(vector, packed.subarray(3));
        plain.plainPack(vector, expected);
        expect(Buffer.from(packed.slice(3).buffer).equals(Buffer.from(expected.buffer))).toBe(true);
        const [back, expectedBack] = [placed(shape, 1), new Float32Array(shape.length)];
        unpackBfloat16(packed.subarray(3), back.vector);
        plain.plainUnpack(expected, expectedBack);
        expect(bitsOf(back.vector) === bitsOf(expectedBack)).toBe(true);
        expect(back.isSoundAround()).toBe(true);
      }),
    );
  });
});

describe('vectors at home and elsewhere', () => {
  it('are mixed freely, two memories among them', () => {
    const shape = { length: LONG, offset: 3, seed: 5, isHome: false, hasOdd: false };
    const expected = valuesOf(shape, 0);
    plain.plainAdd(expected, valuesOf(shape, 1));
    const [first] = vectorsTogether(1, LONG);
    const [second] = vectorsTogether(1, LONG);
    for (const [into, other] of [
      [first, second],
      [first, new Float32Array(LONG)],
      [new Float32Array(LONG), first],
      [new Float32Array(LONG), new Float32Array(new SharedArrayBuffer(4 * LONG))],
    ]) {
      into.set(valuesOf(shape, 0));
      other.set(valuesOf(shape, 1));
      addInPlace(into, other);
      expect(bitsOf(into) === bitsOf(expected)).toBe(true);
    }
  });

  it('may be one and the same', () => {
    for (const [vector] of [vectorsTogether(1, LONG), [new Float32Array(LONG)]]) {
      vector.fill(1.5);
      addInPlace(vector, vector);
      expect(vector.every((value) => value === 3)).toBe(true);
    }
  });

  it('begin as zeros of the length that was asked for, apart from each other', () => {
    for (const length of [0, 1, 100, LONG]) {
      const vectors = vectorsTogether(3, length);
      vectors.forEach((vector, index) => {
        expect(vector.length).toBe(length);
        expect(vector.every((value) => value === 0)).toBe(true);
        vector.fill(index + 1);
      });
      expect(vectors.map((vector) => new Set(vector).size)).toEqual(length === 0 ? [0, 0, 0] : [1, 1, 1]);
    }
  });

  it('are collected when nobody refers to them: far more of them than fit', () => {
    for (let round = 0; round < 200; round++) {
      const [vector] = vectorsTogether(1, 64_000_000);
      expect(vector[63_999_999]).toBe(0);
      vector[63_999_999] = round;
    }
  });

  it('must be of one length', () => {
    expect(() => addInPlace(new Float32Array(3), new Float32Array(4))).toThrow('4 values beside 3');
    const two = new Float32Array(2);
    expect(() => addTogether(two, [two, new Float32Array(3)], [])).toThrow('3 values beside 2');
    expect(() => divideInPlace(two, 1, 8)).toThrow('blocks of 8');
    expect(() => divideInPlace(two, 0, 16)).toThrow('a divisor of 0');
  });
});

describe('bfloat16 by hand', () => {
  it.each([
    ['one', 0x3f800000, 0x3f80],
    ['a tie to the even one below', 0x3f808000, 0x3f80],
    ['a tie to the even one above', 0x3f818000, 0x3f82],
    ['just above a tie', 0x3f808001, 0x3f81],
    ['just below a tie', 0x3f817fff, 0x3f81],
    ['the largest float32, which is too large', 0x7f7fffff, 0x7f80],
    ['negative infinity', 0xff800000, 0xff80],
    ['a NaN whose payload is all in the lower half', 0x7f800001, 0x7fc0],
    ['the NaN that would overflow', 0xffffffff, 0xffff],
    ['the smallest subnormal', 0x00000001, 0x0000],
    ['negative zero', 0x80000000, 0x8000],
  ])('rounds %s', (_name, bits, expected) => {
    const packed = new Uint16Array(1);
    packBfloat16(new Float32Array(Uint32Array.of(bits).buffer), packed);
    expect(packed[0]).toBe(expected);
    const back = new Float32Array(1);
    unpackBfloat16(packed, back);
    expect(new Uint32Array(back.buffer)[0] >>> 16).toBe(expected);
  });
});
