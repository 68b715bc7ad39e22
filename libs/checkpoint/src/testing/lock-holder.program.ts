/**
 * Takes the lock of a run directory once a file called `go` is there, and prints how that went. With `try` it tries
 * once and holds the lock until SIGTERM; with `insist` it tries until it has it, makes sure that it is alone, and
 * dies without releasing it.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import { acquireRunLock } from '../run-lock.js';
import type { RunLock } from '../run-lock.js';

const [runDirectory = '', mode = 'try'] = process.argv.slice(2);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function attempt(): Promise<RunLock | LockstepError> {
  try {
    return await acquireRunLock(runDirectory);
  } catch (thrown) {
    if (thrown instanceof LockstepError) return thrown;
    throw thrown;
  }
}

say('ready');
while (!existsSync(join(runDirectory, 'go'))) await new Promise(setImmediate);
let outcome = await attempt();
while (mode === 'insist' && outcome instanceof LockstepError && outcome.kind === 'locked') outcome = await attempt();
if (outcome instanceof LockstepError) {
  say(`${outcome.exitCode} ${outcome.line}`);
} else if (mode === 'try') {
  const lock = outcome;
  const keepAlive = setInterval(() => undefined, 1_000);
  process.once('SIGTERM', () => {
    void lock.release().then(() => clearInterval(keepAlive));
  });
  say('locked');
} else {
  const inside = join(runDirectory, 'inside');
  writeFileSync(inside, String(process.pid), { flag: 'wx' });
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  rmSync(inside);
  process.kill(process.pid, 'SIGKILL');
}
