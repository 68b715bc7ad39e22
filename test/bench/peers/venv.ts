/**
 * A peer's Python packages: one virtual environment each, in the cache folder of lockstep, so that it survives the
 * checkout. Its stamp is written last: an environment that was not finished is made anew.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '@lockstep/engine';
import { run } from '../../../tools/command.mjs';
import { withLock } from '../../../tools/lock.mjs';

/** torch and the CUDA libraries that it does not load without are 3 GB. */
const INSTALL_DEADLINE_MS = 60 * 60_000;
const VENV_DEADLINE_MS = 5 * 60_000;

export interface VenvPlan {
  readonly name: string;
  /** What pip installs, one list a call; each with exact versions. */
  readonly installs: readonly (readonly string[])[];
}

/**
 * Makes the environment where it is missing.
 * @returns its folder
 * @throws Error with pip's last words
 */
export async function ensureVenv({ name, installs }: VenvPlan, say: (line: string) => void): Promise<string> {
  const folder = join(cacheFolder(), 'peers', name);
  const stampFile = join(folder, 'complete.json');
  const stamp = JSON.stringify(installs);
  const isComplete = async (): Promise<boolean> => (await readFile(stampFile, 'utf8').catch(() => '')) === stamp;
  if (await isComplete()) return folder;
  const onWait = (holder: string): void => say(`waiting for ${holder}, which is installing ${name}`);
  await withLock(`${folder}.lock`, { deadlineMs: INSTALL_DEADLINE_MS, onWait }, async () => {
    if (await isComplete()) return;
    say(`installing ${name} into ${folder}`);
    await rm(folder, { recursive: true, force: true });
    await python('python3', ['-m', 'venv', folder], VENV_DEADLINE_MS);
    for (const requirements of installs) {
      const args = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', ...requirements];
      await python(join(folder, 'bin/python'), args, INSTALL_DEADLINE_MS);
    }
    await writeFile(stampFile, stamp);
  });
  return folder;
}

async function python(program: string, args: readonly string[], deadlineMs: number): Promise<void> {
  const { exitCode, output } = await run(program, [...args], { cwd: cacheFolder(), deadlineMs });
  if (exitCode === 0) return;
  const words =
    output
      .trim()
      .split('\n')
      .filter((line) => /error/i.test(line))
      .at(-1) ?? output.trim().split('\n').at(-1);
  throw new Error(`${args.slice(0, 3).join(' ')} failed: ${words ?? `exit code ${exitCode}`}`);
}
