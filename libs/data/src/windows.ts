/**
 * Windows over the ids of a text: consecutive, not overlapping, T + 1 ids each (inputs are the first T, targets the
 * last T), the remainder dropped. This is how TensorFlow's text generation tutorial cuts tiny Shakespeare, so that
 * losses compare.
 */
import { LockstepError, invariant } from '@lockstep/config';

/** The two parts of a text, as views of the same ids. */
export interface TextSplit {
  readonly training: Int32Array;
  readonly validation: Int32Array;
}

/**
 * Holds out the END of the text, so that no validation window shares characters with a training window.
 * @param fraction share of the ids to hold out, 0 <= fraction < 1; rounded down to whole ids
 */
export function splitValidation(ids: Int32Array, fraction: number): TextSplit {
  invariant(fraction >= 0 && fraction < 1, `validation fraction ${fraction} is not in [0, 1)`);
  const cut = ids.length - Math.floor(ids.length * fraction);
  return { training: ids.subarray(0, cut), validation: ids.subarray(cut) };
}

/**
 * Number of whole windows in a text.
 * @param name which text, for the message
 * @throws LockstepError 'data' when there is not even one
 */
export function countWindows(characterCount: number, sequenceLength: number, name = 'text'): number {
  invariant(Number.isInteger(sequenceLength) && sequenceLength > 0, `sequence length ${sequenceLength}`);
  const count = Math.floor(characterCount / (sequenceLength + 1));
  if (count === 0) {
    throw new LockstepError(
      'data',
      `the ${name} has ${characterCount} characters, one window needs ${sequenceLength + 1}`,
      'give a longer text or a shorter sequence length',
    );
  }
  return count;
}

/**
 * Copies the windows of rows rowStart <= row < rowEnd of a batch.
 * @param ids the text, one id a character
 * @param windows window index of every row of the global batch
 * @returns rows x (T + 1), row-major
 */
export function cutRows(
  ids: Int32Array,
  windows: Int32Array,
  rowStart: number,
  rowEnd: number,
  sequenceLength: number,
): Int32Array<ArrayBuffer> {
  const isRange = rowStart >= 0 && rowStart < rowEnd && rowEnd <= windows.length;
  invariant(isRange, `rows ${rowStart} to ${rowEnd} of ${windows.length}`);
  const windowLength = sequenceLength + 1;
  const rows = new Int32Array((rowEnd - rowStart) * windowLength);
  for (let row = rowStart; row < rowEnd; row++) {
    const start = windows[row] * windowLength;
    invariant(start >= 0 && start + windowLength <= ids.length, `window ${windows[row]} is outside the text`);
    rows.set(ids.subarray(start, start + windowLength), (row - rowStart) * windowLength);
  }
  return rows;
}
