/** What each operation means: the plain loop that it equals, bit for bit. For tests and for comparison. */

export function plainAdd(into: Float32Array, other: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] = Math.fround(into[i] + other[i]);
}

export function plainAddTogether(
  into: Float32Array,
  inputs: readonly Float32Array[],
  additions: readonly (readonly [left: number, right: number])[],
): void {
  const copies = inputs.map((input) => input.slice());
  for (const [left, right] of additions) plainAdd(copies[left], copies[right]);
  into.set(copies[0]);
}

export function plainScale(vector: Float32Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] *= factor;
}

export function plainDivide(vector: Float32Array, divisor: number, blockLength: number): number[] {
  const sums: number[] = [];
  for (let start = 0; start < vector.length; start += blockLength) {
    const lanes = [0, 0, 0, 0];
    for (let i = start; i < Math.min(start + blockLength, vector.length); i++) {
      vector[i] = Math.fround(vector[i] / divisor);
      lanes[(i - start) % 4] += vector[i] * vector[i];
    }
    sums.push(lanes[0] + lanes[2] + (lanes[1] + lanes[3]));
  }
  return sums;
}

export const plainAllFinite = (vector: Float32Array): boolean => vector.every(Number.isFinite);

export function plainAdam(
  weights: Float32Array,
  m: Float32Array,
  v: Float32Array,
  gradient: Float32Array,
  [beta1, rest1, beta2, rest2, rate, rootScale, epsilon]: readonly number[],
): void {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i];
    const mean = beta1 * m[i] + rest1 * g;
    const square = beta2 * v[i] + rest2 * g * g;
    m[i] = mean;
    v[i] = square;
    weights[i] -= (rate * mean) / (rootScale * Math.sqrt(square) + epsilon);
  }
}

export function plainDescend(weights: Float32Array, gradient: Float32Array, rate: number): void {
  for (let i = 0; i < weights.length; i++) weights[i] -= rate * gradient[i];
}

/** By comparison with both neighbours, not by the trick with the carry. */
export function plainPack(from: Float32Array, into: Uint16Array): void {
  const bits = new Uint32Array(from.slice().buffer);
  for (let i = 0; i < from.length; i++) {
    const below = bits[i] >>> 16;
    if (Number.isNaN(from[i])) {
      into[i] = below | 0x40;
      continue;
    }
    const remainder = bits[i] & 0xffff;
    const isUp = remainder > 0x8000 || (remainder === 0x8000 && below % 2 === 1);
    into[i] = isUp ? below + 1 : below;
  }
}

export function plainUnpack(from: Uint16Array, into: Float32Array): void {
  const view = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < from.length; i++) {
    view.setUint16(0, from[i]);
    into[i] = view.getFloat32(0);
  }
}
