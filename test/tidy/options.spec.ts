import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './repository.js';

describe('the options in the README', () => {
  it('are those of the tables', () => {
    const script = join(root, 'tools', 'options-reference.mjs');
    expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
  });
});
