import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loopsWasm, TARGET } from './loops-wasm.mjs';

describe('the compiled loops', () => {
  it('are those of their source, byte for byte (otherwise: npm run wasm)', async () => {
    expect(await loopsWasm()).toBe(readFileSync(TARGET, 'utf8'));
  });
});
