import { describe, expect, it } from 'vitest';
import { printable } from './printable.js';

describe('text from elsewhere', () => {
  it.each([
    ['plain, \u00e9 and \u4e16', 'plain, \u00e9 and \u4e16'],
    ['\u001b[2Jgone', '\\u001b[2Jgone'],
    ['\u009b31mred', '\\u009b31mred'],
    ['two\nlines\ttab', 'two\\u000alines\\u0009tab'],
    ['left \u202eto right', 'left \\u202eto right'],
    ['\u0000\u007f\u0085\u2028', '\\u0000\\u007f\\u0085\\u2028'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});
