/** What is measured: each operation as the trainer calls it, and beside it the plain loop that it took the place of. */
import { createOptimizer } from '@lockstep/optimizer';
import { bytesOf, createDigest, SQUARES_BLOCK_LENGTH, treeAdditions } from '@lockstep/reduce';
import {
  addInPlace,
  addTogether,
  allFinite,
  divideInPlace,
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

const ADAM = { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;
const ADAM_NUMBERS = [0.9, 0.1, 0.999, 0.001, 0.001, 1, 1e-7];

export async function cases(length: number): Promise<Case[]> {
  const elsewhere = (): Float32Array<ArrayBuffer> => new Float32Array(length).fill(1e-3);
  const atHome = vectorsTogether(2, length);
  for (const vector of atHome) vector.fill(1e-3);
  const [a, b, c, d] = [elsewhere(), elsewhere(), elsewhere(), elsewhere()];
  const halves = new Uint16Array(length);
  const digest = await createDigest();
  return [
    ...adamCases(length, elsewhere),
    { name: 'add', moved: 3, run: () => addInPlace(a, b) },
    { name: 'add, vectors together', moved: 3, run: () => addInPlace(atHome[0], atHome[1]) },
    { name: 'add, plain', moved: 3, run: () => plainAdd(a, b) },
    { name: 'add 4 along a tree', moved: 5, run: () => addTogether(a, [a, b, c, d], treeAdditions(4)) },
    { name: 'divide and sum squares', moved: 2, run: () => divideInPlace(c, 1.0001, SQUARES_BLOCK_LENGTH) },
    { name: 'divide and sum squares, plain', moved: 2, run: () => plainDivide(c, 1.0001, SQUARES_BLOCK_LENGTH) },
    { name: 'scale', moved: 2, run: () => scaleInPlace(d, 1.0001) },
    { name: 'scale, plain', moved: 2, run: () => plainScale(d, 1.0001) },
    { name: 'all finite', moved: 1, run: () => allFinite(b) },
    { name: 'all finite, plain', moved: 1, run: () => plainAllFinite(b) },
    { name: 'pack bfloat16', moved: 1.5, run: () => packBfloat16(b, halves) },
    { name: 'pack bfloat16, plain', moved: 1.5, run: () => plainPack(b, halves) },
    { name: 'unpack bfloat16', moved: 1.5, run: () => unpackBfloat16(halves, b) },
    { name: 'unpack bfloat16, plain', moved: 1.5, run: () => plainUnpack(halves, b) },
    { name: 'digest (xxh64)', moved: 1, run: () => digest(bytesOf(b)) },
  ];
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
