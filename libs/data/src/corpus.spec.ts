/** The text of TensorFlow's tutorial, where it lies beside the checkout: counts that its readers can compare. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSchedule } from './schedule.js';
import { decodeText } from './text.js';
import { buildVocabulary } from './vocabulary.js';
import { countWindows, splitValidation } from './windows.js';

const CORPUS = new URL('../../../../shared/data/tinyshakespeare.txt', import.meta.url);

describe('tiny Shakespeare', () => {
  it('has the counts of the tutorial', ({ skip }) => {
    if (!existsSync(CORPUS)) skip('../shared/data/tinyshakespeare.txt is not beside the checkout');
    const text = decodeText(new Uint8Array(readFileSync(CORPUS)), 'tinyshakespeare.txt');
    const vocabulary = buildVocabulary(text);
    const ids = vocabulary.encode(text);
    expect(ids.length).toBe(1_115_394);
    expect(vocabulary.size).toBe(66);
    expect(vocabulary.decode(ids)).toBe(text);
    const windowCount = countWindows(ids.length, 100);
    expect(windowCount).toBe(11_043);
    expect(createSchedule({ windowCount, batchSize: 64, order: 'shuffled', seed: 1 }).stepsPerEpoch).toBe(172);
    expect(splitValidation(ids, 0.1).validation.length).toBe(111_539);
  });
});
