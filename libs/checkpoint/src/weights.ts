/**
 * Between one flat vector in layout order and tensors by name. A file may list its tensors in any order (Python sorts
 * them by name); the layout alone decides where each lands, and the shapes of two tensors decide the layout.
 */
import { createHash } from 'node:crypto';
import { invariant } from '@lockstep/config';
import { bytesOf, weightLayout } from '@lockstep/reduce';
import type { WeightLayout } from '@lockstep/reduce';
import { refuseFile } from './safetensors-header.js';
import type { NamedTensor, Tensor } from './safetensors.js';

/** Far above any vocabulary or layer; keeps products of sizes that come from a file exact. */
const DIMENSION_MAX = 1 << 24;

interface Shaped {
  readonly shape: readonly number[];
}

/** SHA-256, in lower-case hexadecimal, of the float32 little-endian weights in layout order. */
export function weightsSha256(weights: Float32Array): string {
  return createHash('sha256').update(bytesOf(weights)).digest('hex');
}

/** The flat vector as named tensors: views, not copies. */
export function toTensors(flat: Float32Array, layout: WeightLayout, prefix = ''): readonly NamedTensor[] {
  return layout.entries.map(({ name, shape, offset, length }) => (
    { name: `${prefix}${name}`, shape, values: flat.subarray(offset, offset + length) }
  ));
}

/**
 * The expected tensors of a file, no more, no fewer, each with its shape; otherwise LockstepError 'data' naming
 * `path`.
 */
export function expectTensors(
  tensors: ReadonlyMap<string, Shaped>,
  expected: readonly (Shaped & { readonly name: string })[],
  path: string,
): void {
  for (const { name, shape } of expected) {
    const found = tensors.get(name);
    if (found === undefined) refuseFile(path, `tensor ${name} is missing`);
    if (!sameShape(found.shape, shape)) {
      refuseFile(path, `tensor ${name} has shape [${found.shape}], expected [${shape}]`);
    }
  }
  if (tensors.size === expected.length) return;
  const known = new Set(expected.map(({ name }) => name));
  const unknown = [...tensors.keys()].find((name) => !known.has(name));
  refuseFile(path, `tensor ${JSON.stringify(unknown?.slice(0, 80))} does not belong there`);
}

/**
 * The layout that these tensors must have.
 * @throws LockstepError 'data' when they are not those of an embedding - GRU - dense model; `path` names the file
 */
export function layoutOf(tensors: ReadonlyMap<string, Shaped>, path: string): WeightLayout {
  const [vocabularySize, embedding] = matrixShape(tensors, 'embedding.weight', path);
  const [, units] = matrixShape(tensors, 'gru.weight_hh_l0', path);
  const layout = weightLayout({ vocabularySize, embedding, units });
  expectTensors(tensors, layout.entries, path);
  return layout;
}

/**
 * Gathers tensors that passed `expectTensors` into one flat vector; the prefix stands before every name of the
 * layout.
 */
export function flatten(tensors: ReadonlyMap<string, Tensor>, layout: WeightLayout, prefix = ''): Float32Array {
  const flat = new Float32Array(layout.length);
  for (const { name, offset } of layout.entries) {
    const tensor = tensors.get(prefix + name);
    invariant(tensor !== undefined, `tensor ${prefix}${name} was checked to be there`);
    flat.set(tensor.values, offset);
  }
  return flat;
}

function matrixShape(tensors: ReadonlyMap<string, Shaped>, name: string, path: string): readonly [number, number] {
  const shape = tensors.get(name)?.shape;
  if (shape === undefined) refuseFile(path, `tensor ${name} is missing`);
  const [rows, columns] = shape;
  if (shape.length !== 2 || !isSize(rows) || !isSize(columns)) {
    refuseFile(path, `tensor ${name} has shape [${shape}], not two sizes above 0`);
  }
  return [rows, columns];
}

function isSize(size: number | undefined): size is number {
  return size !== undefined && size > 0 && size <= DIMENSION_MAX;
}

function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((size, index) => size === right[index]);
}
