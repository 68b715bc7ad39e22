/** A small but complete snapshot with values that tell every place from every other. */
import { weightLayout } from '@lockstep/reduce';
import type { Snapshot } from '../snapshot.js';

export const SAMPLE_LAYOUT = weightLayout({ vocabularySize: 5, embedding: 3, units: 4 });

export function sampleSnapshot(step: number, overrides: Partial<Snapshot> = {}): Snapshot {
  const vector = (scale: number): Float32Array => (
    Float32Array.from({ length: SAMPLE_LAYOUT.length }, (_, index) => scale * (index + 1) + step)
  );
  return {
    step,
    epoch: 2,
    loss: step === 0 ? null : 1.25,
    weights: vector(0.001),
    optimizer: { name: 'adam', steps: step, slots: { m: vector(-0.5), v: vector(1e-30) } },
    layout: SAMPLE_LAYOUT,
    config: { seed: 7, preset: 'tiny', nested: { rates: [0.1, null] } },
    vocabulary: ['\n', 'a', '\u00e9', '\u{1f600}'],
    ...overrides,
  };
}
