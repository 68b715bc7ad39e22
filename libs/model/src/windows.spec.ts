import { describe, expect, it } from 'vitest';

import { timeMajor } from './windows.js';

describe('timeMajor', () => {
  it('puts time first and the targets one character later', () => {
    const { inputs, targets } = timeMajor(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), 2, 3, 9);
    expect([...inputs]).toEqual([1, 5, 2, 6, 3, 7]);
    expect([...targets]).toEqual([2, 6, 3, 7, 4, 8]);
  });

  it('refuses ids that are not whole windows or not in the vocabulary', () => {
    expect(() => timeMajor(Int32Array.of(1, 2, 3), 2, 1, 9)).toThrow('3 ids are not 2 windows of 2');
    expect(() => timeMajor(Int32Array.of(1, 9), 1, 1, 9)).toThrow('id 9');
    expect(() => timeMajor(Int32Array.of(1, -1), 1, 1, 9)).toThrow('id -1');
    expect(() => timeMajor(Int32Array.of(1), 1, 0, 9)).toThrow('sequence length');
    expect(() => timeMajor(Int32Array.of(), 0, 1, 9)).toThrow('rows');
  });
});
