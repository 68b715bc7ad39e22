import { describe, expect, it } from 'vitest';
import { checkOptions, parseCadence, TRAIN_OPTIONS } from './index.js';

describe('a cadence', () => {
  it.each([
    ['500', { steps: 500 }],
    [7, { steps: 7 }],
    ['90s', { ms: 90_000 }],
    ['10m', { ms: 600_000 }],
    ['1.5h', { ms: 5_400_000 }],
  ])('%j', (value, meant) => {
    expect(parseCadence(value)).toEqual(meant);
    expect(checkOptions(TRAIN_OPTIONS, { checkpointEvery: value })).toEqual({ checkpointEvery: value });
  });

  it.each(['0', 0, '', 'm', '10 m', '10min', '-5', '1.5', 2.5, '0s', '0.5s', '1000h', '1e3', true])(
    '%j is none',
    (value) => {
      expect(() => checkOptions(TRAIN_OPTIONS, { checkpointEvery: value })).toThrow('--checkpoint-every');
    },
  );
});
