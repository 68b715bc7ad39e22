import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './repository.js';

describe('what is written by npm run docs', () => {
  it.each([
    ['the options in the README', 'options-reference.mjs'],
    ['the metrics', 'metrics-reference.mjs'],
    ['the events', 'events-reference.mjs'],
  ])('is up to date: %s', (_, name) => {
    const script = join(root, 'tools', name);
    expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
  });
});
