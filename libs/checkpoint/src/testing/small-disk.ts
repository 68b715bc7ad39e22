/** A file system of its own with little room, that can be filled, freed, made read-only and writable again. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { TestContext } from 'vitest';

const mounted: string[] = [];

afterEach(() => {
  for (const folder of mounted.splice(0)) {
    execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
});

export interface SmallDisk {
  readonly path: string;
  /** Leaves no room at all. */
  fill(): void;
  free(): void;
  setWritable(isWritable: boolean): void;
}

/** Skips the test, saying why, where this process may not mount a file system. */
export function smallDisk(context: TestContext, size = '1m'): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'pipe' });
  } catch (thrown) {
    rmSync(path, { recursive: true, force: true });
    const reason = `no small file system can be mounted here: ${thrown instanceof Error ? thrown.message.trim() : ''}`;
    console.warn(`${context.task.name}: skipped, ${reason}`);
    context.skip(reason);
  }
  mounted.push(path);
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => {
      for (let part = 0; ; part += 1) {
        try {
          writeFileSync(`${ballast}-${part}`, new Uint8Array(1 << 12));
        } catch {
          rmSync(`${ballast}-${part}`, { force: true });
          // The last page goes to names of files.
          writeFileSync(`${ballast}-last`, '');
          return;
        }
      }
    },
    free: () => {
      for (let part = 0; ; part += 1) {
        try {
          rmSync(`${ballast}-${part}`);
        } catch {
          return;
        }
      }
    },
    setWritable: (isWritable) => {
      execFileSync('mount', ['-o', `remount,${isWritable ? 'rw' : 'ro'}`, path], { stdio: 'pipe' });
    },
  };
}
