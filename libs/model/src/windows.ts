/** Windows of ids, one a row, as the arrays the model runs on: time first, inputs and targets apart. */
import { invariant } from '@lockstep/config';

export interface TimeMajorIds {
  /** [T,B]: character t of row b at t * B + b */
  readonly inputs: Int32Array;
  /** [T,B]: the character after it */
  readonly targets: Int32Array;
}

/**
 * Turns `rows` windows of `sequenceLength + 1` ids, row after row, into inputs and targets.
 * Ids are checked here, because engines differ in what they do with one out of range.
 */
export function timeMajor(ids: Int32Array, rows: number, sequenceLength: number, vocabularySize: number): TimeMajorIds {
  invariant(Number.isSafeInteger(rows) && rows > 0, `${rows} rows`);
  invariant(Number.isSafeInteger(sequenceLength) && sequenceLength > 0, `sequence length ${sequenceLength}`);
  const width = sequenceLength + 1;
  invariant(ids.length === rows * width, `${ids.length} ids are not ${rows} windows of ${width}`);
  const stray = ids.find((id) => id < 0 || id >= vocabularySize);
  invariant(stray === undefined, `id ${stray} in a vocabulary of ${vocabularySize}`);
  const inputs = new Int32Array(rows * sequenceLength);
  const targets = new Int32Array(rows * sequenceLength);
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < sequenceLength; t++) {
      inputs[t * rows + row] = ids[row * width + t];
      targets[t * rows + row] = ids[row * width + t + 1];
    }
  }
  return { inputs, targets };
}
