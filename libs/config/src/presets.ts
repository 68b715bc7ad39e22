/**
 * Named sizes. `tutorial` is the model of TensorFlow's text-generation tutorial; `laptop` is chosen so that about
 * three minutes on two cores give readable words; `small` is for experiments, `tiny` for tests.
 */

export interface Preset {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly embedding: number;
  readonly units: number;
  /** Duration: either passes over the text or a number of steps. */
  readonly epochs?: number;
  readonly steps?: number;
  /** Steps on the embedded engine, which is several times slower; absent means the same as above. */
  readonly wasmSteps?: number;
}

export const PRESETS = {
  tutorial: { batchSize: 64, sequenceLength: 100, embedding: 256, units: 1024, epochs: 20 },
  laptop: { batchSize: 64, sequenceLength: 100, embedding: 64, units: 256, steps: 1400, wasmSteps: 600 },
  small: { batchSize: 32, sequenceLength: 50, embedding: 64, units: 128, steps: 500 },
  tiny: { batchSize: 8, sequenceLength: 20, embedding: 16, units: 32, steps: 20 },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = ['tutorial', 'laptop', 'small', 'tiny'] as const satisfies readonly PresetName[];
