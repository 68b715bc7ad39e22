/** That each planted bug is caught: the suite fails with it, by what a test asserts, and passes without it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bugs } from './bugs.js';
import { applyChange, root } from './plant.js';
import { runSuite } from './run-suite.js';

/** A mutation that does not run proves nothing. */
const TOOLING = /SyntaxError|ReferenceError|Transform failed|Failed to (load|resolve)|Cannot find module/;

/** Tests every second bug, from the `part`-th on, so that two files share the work. */
export function testPlantedBugs(part: 0 | 1): void {
  const own = bugs.filter((_, index) => index % 2 === part);

  describe('planted bugs', () => {
    it.each(own)('fit the sources: $name', ({ changes }) => {
      for (const change of changes) applyChange(readFileSync(join(root, change.file), 'utf8'), change);
    });

    it.each(own)('are caught: $name', async ({ name, changes, suite }) => {
      const { failures, broken, planted, output } = await runSuite(suite, name);
      expect(new Set(planted), output).toEqual(new Set(changes.map(({ file }) => file)));
      expect(broken, output).toEqual([]);
      expect(failures.filter((failure) => TOOLING.test(failure))).toEqual([]);
      expect(failures.length, `nobody has noticed: ${output}`).toBeGreaterThan(0);
    });
  });
}
