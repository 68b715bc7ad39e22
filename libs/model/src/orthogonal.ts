/**
 * Random orthonormal vectors (Saxe et al. 2014) by Gram-Schmidt in float64: the Q of a QR decomposition with a
 * positive diagonal of R, which is what makes the distribution uniform. A normal matrix is well conditioned, so one
 * pass leaves the vectors orthogonal far beyond float32. The cost is 2 x count^2 x length operations, 6.4 G for 1024
 * units: seconds, once a run.
 */
import { invariant } from '@lockstep/config';
import type { RandomStream } from '@lockstep/data';

/** `count` orthonormal vectors of `length` values; count <= length. */
export function orthonormalVectors(count: number, length: number, random: RandomStream): Float64Array[] {
  invariant(count <= length, `${count} orthogonal vectors of ${length} values`);
  const vectors = Array.from({ length: count }, () => Float64Array.from({ length }, () => random.normal()));
  for (let first = 0; first < count; first += 4) {
    const group = vectors.slice(first, first + 4);
    for (const unit of vectors.slice(0, first)) removeComponents(group, unit);
    for (const [index, vector] of group.entries()) {
      for (const unit of group.slice(0, index)) removeComponents([vector], unit);
      normalise(vector);
    }
  }
  return vectors;
}

/** Takes from each vector its component along a unit vector. Four at a time: one reading of `unit` serves them all. */
function removeComponents(vectors: readonly Float64Array[], unit: Float64Array): void {
  if (vectors.length === 4) removeFromFour(vectors[0], vectors[1], vectors[2], vectors[3], unit);
  else for (const vector of vectors) removeFromOne(vector, unit);
}

function removeFromFour(a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array, unit: Float64Array): void {
  let [alongA, alongB, alongC, alongD] = [0, 0, 0, 0];
  for (let i = 0; i < unit.length; i++) {
    const value = unit[i];
    alongA += value * a[i];
    alongB += value * b[i];
    alongC += value * c[i];
    alongD += value * d[i];
  }
  for (let i = 0; i < unit.length; i++) {
    const value = unit[i];
    a[i] -= alongA * value;
    b[i] -= alongB * value;
    c[i] -= alongC * value;
    d[i] -= alongD * value;
  }
}

function removeFromOne(vector: Float64Array, unit: Float64Array): void {
  const along = dot(vector, unit);
  for (let i = 0; i < unit.length; i++) vector[i] -= along * unit[i];
}

function normalise(vector: Float64Array): void {
  const norm = Math.sqrt(dot(vector, vector));
  for (let i = 0; i < vector.length; i++) vector[i] /= norm;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
