import { describe, expect, it } from 'vitest';
import { supportsNode } from './node-version.mjs';

const range = '^20.19.0 || ^22.12.0 || >=24.0.0';

describe('the range of Node versions', () => {
  it.each(['20.19.0', '20.20.2', '22.12.0', '22.99.1', '24.0.0', '25.1.0'])('takes %s', (version) => {
    expect(supportsNode(range, version)).toBe(true);
  });

  it.each(['12.22.0', '20.18.9', '21.7.0', '22.11.9', '23.5.0'])('refuses %s', (version) => {
    expect(supportsNode(range, version)).toBe(false);
  });

  it('reads the number before a suffix of a nightly build', () => {
    expect(supportsNode(range, '24.0.0-nightly2025')).toBe(true);
  });

  it('does not guess at a range it cannot read', () => {
    expect(() => supportsNode('~20.19.0', '20.19.0')).toThrow('not understood');
  });
});
