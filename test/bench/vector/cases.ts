/** What is measured: each operation as the trainer calls it, and beside it the plain loop that it took the place of. */
import { createOptimizer } from '@lockstep/optimizer';
import {
  bytesOf,
  clipScale,
  digestOf,
  finishGradient,
  meanInPlace,
  normOf,
  SQUARES_BLOCK_LENGTH,
  treeAdditions,
} from '@lockstep/reduce';
import {
  addInPlace,
  addTogether,
  allFinite,
  packBfloat16,
  scaleInPlace,
  unpackBfloat16,
  vectorsTogether,
} from '@lockstep/vector';
import {
  plainAdam,
  plainAdd,
  plainAllFinite,
  plainDivide,
  plainPack,
  plainScale,
  plainUnpack,
} from '../../../libs/vector/src/testing/plain.js';

interface Case {
  readonly name: string;
  readonly run: () => void;
  /** Values of 4 bytes read and written, in vectors. */
  readonly moved: number;
}

/** Leaves values as they are, round after round. */
const CHARACTERS = 1;
const CLIP_NORM = 1e6;
const SLICES = 4;
const ADAM = { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;
const ADAM_NUMBERS = [0.9, 0.1, 0.999, 0.001, 0.001, 1, 1e-7];

export async function cases(length: number): Promise<Case[]> {
  const elsewhere = (): Float32Array<ArrayBuffer> => new Float32Array(length).fill(1e-3);
  const atHome = vectorsTogether(2, length);
  for (const vector of atHome) vector.fill(1e-3);
  const [a, b, c, d] = [elsewhere(), elsewhere(), elsewhere(), elsewhere()];
  const halves = new Uint16Array(length);
  return [
    ...adamCases(length, elsewhere),
    { name: 'add', moved: 3, run: () => addInPlace(a, b) },
    { name: 'add, vectors together', moved: 3, run: () => addInPlace(atHome[0], atHome[1]) },
    { name: 'add, plain', moved: 3, run: () => plainAdd(a, b) },
    { name: 'add 4 along a tree', moved: 5, run: () => addTogether(a, [a, b, c, d], treeAdditions(4)) },
    { name: 'finish a gradient', moved: 2, run: () => finishGradient(c, CHARACTERS, CLIP_NORM) },
    { name: 'finish a gradient, in slices', moved: 2, run: () => finishInSlices(c) },
    { name: 'divide and sum squares, plain', moved: 2, run: () => plainDivide(c, CHARACTERS, SQUARES_BLOCK_LENGTH) },
    { name: 'scale', moved: 2, run: () => scaleInPlace(d, 1) },
    { name: 'scale, plain', moved: 2, run: () => plainScale(d, 1) },
    { name: 'all finite', moved: 1, run: () => allFinite(b) },
    { name: 'all finite, plain', moved: 1, run: () => plainAllFinite(b) },
    { name: 'pack bfloat16', moved: 1.5, run: () => packBfloat16(b, halves) },
    { name: 'pack bfloat16, plain', moved: 1.5, run: () => plainPack(b, halves) },
    { name: 'unpack bfloat16', moved: 1.5, run: () => unpackBfloat16(halves, b) },
    { name: 'unpack bfloat16, plain', moved: 1.5, run: () => plainUnpack(halves, b) },
    { name: 'digest (xxh64)', moved: 1, run: () => digestOf(bytesOf(b)) },
  ];
}

/** As it is done where each worker reduces its own slice. */
function finishInSlices(sum: Float32Array): void {
  const sliceLength = SQUARES_BLOCK_LENGTH * Math.ceil(sum.length / SLICES / SQUARES_BLOCK_LENGTH);
  const slices = Array.from({ length: SLICES }, (_, i) => sum.subarray(i * sliceLength, (i + 1) * sliceLength));
  const blockSums = slices.flatMap((slice) => [...meanInPlace(slice, CHARACTERS)]);
  const scale = clipScale(normOf(Float64Array.from(blockSums)), CLIP_NORM);
  if (scale !== 1) for (const slice of slices) scaleInPlace(slice, scale);
}

function adamCases(length: number, elsewhere: () => Float32Array<ArrayBuffer>): Case[] {
  const optimizer = createOptimizer(ADAM, length);
  const other = createOptimizer(ADAM, length);
  const [weights, m, v, gradient] = [elsewhere(), elsewhere(), elsewhere(), elsewhere()];
  const held = optimizer.adopt(weights);
  return [
    { name: 'Adam, as a worker does it', moved: 7, run: () => optimizer.apply(held, gradient, 0.001) },
    { name: 'Adam, weights elsewhere', moved: 7, run: () => other.apply(weights, gradient, 0.001) },
    { name: 'Adam, plain', moved: 7, run: () => plainAdam(weights, m, v, gradient, ADAM_NUMBERS) },
  ];
}
