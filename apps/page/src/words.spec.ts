import { describe, expect, it } from 'vitest';
import { bytesText, countText, durationText, shareText } from './words.js';

describe('numbers as people read them', () => {
  it.each([
    [0, '0 s'],
    [0.0123, '12.3 ms'],
    [4.21, '4.2 s'],
    [45.4, '45 s'],
    [200, '3 min 20 s'],
    [7_500, '2 h 5 min'],
    [273_600, '3 d 4 h'],
    [3_600, '1 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it.each([
    [0, '0 %'],
    [0.004, '< 1 %'],
    [0.5, '50 %'],
    [0.997, '> 99 %'],
    [1, '100 %'],
  ])('a share of %d is %s', (share, text) => {
    expect(shareText(share)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_234, '1.2 kB'],
    [123_456_789, '123 MB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('have commas', () => {
    expect(countText(1_234_567.8)).toBe('1,234,568');
  });
});
