/** Whether every value of a vector is a number that is not infinite. */
export function allFinite(vector: Float32Array): boolean {
  // Zero times anything finite is zero, and everything else makes the sum a NaN: no branch in the loop.
  let zero = 0;
  for (let i = 0; i < vector.length; i++) zero += vector[i] * 0;
  return zero === 0;
}
