/** Reads the golden numbers that make-fixtures.py wrote. */
import { readFileSync, readdirSync } from 'node:fs';

import type { ModelShape } from '@lockstep/reduce';

export interface Fixture {
  readonly name: string;
  readonly shape: ModelShape;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly ids: Int32Array;
  readonly lossSum: number;
  readonly characters: number;
  readonly adam: {
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly steps: number;
  };
  /** PyTorch's own names and shapes, in its order. */
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  /** Flat, in that order. */
  readonly weights: Float32Array;
  readonly gradient: Float64Array;
  readonly weightsAfterAdam: Float64Array;
}

interface FixtureFile extends Omit<Fixture, 'name' | 'ids' | 'weights' | 'gradient' | 'weightsAfterAdam'> {
  readonly ids: readonly number[];
  readonly weightsFloat32: string;
  readonly gradientFloat64: string;
  readonly weightsAfterAdamFloat64: string;
}

const FOLDER = new URL('fixtures/', import.meta.url);

export function readFixtures(): Fixture[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.map((name) => {
    const file = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as FixtureFile;
    return {
      ...file,
      name: name.replace('.json', ''),
      ids: Int32Array.from(file.ids),
      weights: new Float32Array(bytesOf(file.weightsFloat32)),
      gradient: new Float64Array(bytesOf(file.gradientFloat64)),
      weightsAfterAdam: new Float64Array(bytesOf(file.weightsAfterAdamFloat64)),
    };
  });
}

/** A buffer of its own, so that a float64 view is aligned. */
function bytesOf(base64: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(base64, 'base64')).buffer;
}
