/**
 * Whether every value of a vector is a number that is not infinite. Sums of float32 values stay far below what float64
 * can hold, so a sum is finite exactly when all its values are.
 */
export function allFinite(vector: Float32Array): boolean {
  // Four sums side by side, because each addition waits for the one before it: 3.4 -> 2.4 ms for 4 M values.
  let [a, b, c, d] = [0, 0, 0, 0];
  const unrolledEnd = vector.length - (vector.length % 4);
  for (let i = 0; i < unrolledEnd; i += 4) {
    a += vector[i];
    b += vector[i + 1];
    c += vector[i + 2];
    d += vector[i + 3];
  }
  for (let i = unrolledEnd; i < vector.length; i++) a += vector[i];
  return Number.isFinite(a + b + c + d);
}
