/**
 * Where each weight lies in the one flat float32 vector that is summed, optimised, sent and saved. Names and shapes
 * are PyTorch's (torch.nn.Embedding, GRU and Linear), so that a checkpoint reads the same there. In the GRU tensors
 * the rows are the gates reset, update, new, each of H units.
 */
import { invariant } from '@lockstep/config';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

const DIGEST_DOMAIN = 'lockstep weight layout 1\n';

export interface ModelShape {
  /** V: number of ids, [UNK] included. */
  readonly vocabularySize: number;
  /** E: width of the embedding. */
  readonly embedding: number;
  /** H: units of the GRU. */
  readonly units: number;
}

/** One tensor, row-major, at flat[offset .. offset + length). */
export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface WeightLayout {
  readonly entries: readonly WeightEntry[];
  /** Number of float32 values in the flat vector. */
  readonly length: number;
  /** SHA-256, hex, of names and shapes in order; peers compare it before they exchange vectors. */
  readonly digest: string;
}

/** The layout of an embedding - GRU - dense model of this shape. */
export function weightLayout({ vocabularySize, embedding, units }: ModelShape): WeightLayout {
  for (const size of [vocabularySize, embedding, units]) {
    invariant(Number.isSafeInteger(size) && size > 0, `model size ${size} is not a positive whole number`);
  }
  const tensors: readonly (readonly [name: string, shape: readonly number[]])[] = [
    ['embedding.weight', [vocabularySize, embedding]],
    ['gru.weight_ih_l0', [3 * units, embedding]],
    ['gru.weight_hh_l0', [3 * units, units]],
    ['gru.bias_ih_l0', [3 * units]],
    ['gru.bias_hh_l0', [3 * units]],
    ['dense.weight', [vocabularySize, units]],
    ['dense.bias', [vocabularySize]],
  ];
  let offset = 0;
  const entries = tensors.map(([name, shape]): WeightEntry => {
    const length = shape.reduce((product, size) => product * size, 1);
    const entry = Object.freeze({ name, shape: Object.freeze(shape), offset, length });
    offset += length;
    return entry;
  });
  const digest = bytesToHex(sha256(utf8ToBytes(DIGEST_DOMAIN + JSON.stringify(tensors))));
  return Object.freeze({ entries: Object.freeze(entries), length: offset, digest });
}

/** One tensor's part of a flat vector, as a view: writing to it writes to the vector. */
export function layoutView<B extends ArrayBufferLike>(
  layout: WeightLayout,
  flat: Float32Array<B>,
  name: string,
): Float32Array<B> {
  invariant(flat.length === layout.length, `a vector of ${flat.length} does not fit a layout of ${layout.length}`);
  const entry = layout.entries.find((candidate) => candidate.name === name);
  invariant(entry !== undefined, `no weight is called ${name}`);
  return flat.subarray(entry.offset, entry.offset + entry.length);
}
