/** The whole run goes down, or its files are damaged, or somebody starts it twice; `--resume` takes it from there. */
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HarmedRun } from '../faults/runs.js';
import { Comparison } from '../faults/runs.js';
import { lockstep, rewriteJournal, stepsOf, waitFor } from './lockstep-process.js';

/** What a supervisor that was killed may leave behind for a moment. */
const GONE_MS_MAX = 5000;

const comparison = new Comparison(40, '--workers', '2', '--checkpoint-every', '4');

/** A run whose supervisor was killed after some steps, with everything that it had started. */
async function killedRun(atStep = 14): Promise<HarmedRun> {
  const harmed = comparison.harm('');
  await harmed.step(atStep);
  harmed.process.child.kill('SIGKILL');
  const killedMs = Date.now();
  await waitFor('everything to be gone', () => harmed.processes.length === 0);
  const goneMs = Date.now() - killedMs;
  console.info(`kill -9 of the supervisor: everything gone after ${goneMs} ms`);
  expect(goneMs).toBeLessThan(GONE_MS_MAX);
  return harmed;
}

async function expectResumed(harmed: HarmedRun): Promise<{ stdout: string; stderr: string }> {
  const finished = await lockstep(['train', '--resume', harmed.run], { env: harmed.environment });
  expect(finished).toMatchObject({ code: 0 });
  comparison.expectSameResult(harmed.run);
  await waitFor('every process of the run to end', () => harmed.processes.length === 0);
  return finished;
}

const newestCheckpoint = (run: string): string => {
  const names = readdirSync(join(run, 'checkpoints')).filter((name) => /^step-\d+$/.test(name));
  return join(run, 'checkpoints', names.sort().at(-1) ?? '');
};

describe('a supervisor that is killed', () => {
  it('takes everything along within 5 s; --resume ends with the same bytes', async () => {
    await expectResumed(await killedRun());
  });

  it('again and again', async () => {
    const harmed = await killedRun(6);
    for (const faults of ['C5:step=12:term', 'C3:step=20:term']) {
      const log = { LOCKSTEP_FAULTS: faults, LOCKSTEP_FAULTS_LOG: join(harmed.run, '..', `${faults.slice(0, 2)}.log`) };
      const { code } = await lockstep(['train', '--resume', harmed.run], { env: { ...harmed.environment, ...log } });
      expect(code).toBe(0);
    }
    await expectResumed(harmed);
  });
});

describe('a damaged file', () => {
  it.each<[string, (checkpoint: string) => void]>([
    ['weights cut in half', (path) => truncateSync(join(path, 'weights.safetensors'), 2000)],
    ['optimizer state of no length', (path) => truncateSync(join(path, 'optimizer.safetensors'), 0)],
    ['no manifest', (path) => rmSync(join(path, 'manifest.json'))],
    [
      'one bit flipped',
      (path) => {
        const file = join(path, 'weights.safetensors');
        const bytes = readFileSync(file);
        bytes[bytes.length - 9] = (bytes[bytes.length - 9] ?? 0) ^ 4;
        writeFileSync(file, bytes);
      },
    ],
  ])('newest checkpoint: %s: named, and the one before is used', async (_, damage) => {
    const harmed = await killedRun();
    const checkpoint = newestCheckpoint(harmed.run);
    damage(checkpoint);
    const { stdout, stderr } = await expectResumed(harmed);
    expect(stdout + stderr).toContain(checkpoint.split('/').at(-1));
  });

  it('every checkpoint: 65, and nothing is begun anew', async () => {
    const harmed = await killedRun();
    for (const name of readdirSync(join(harmed.run, 'checkpoints'))) {
      truncateSync(join(harmed.run, 'checkpoints', name, 'weights.safetensors'), 100);
    }
    const before = readFileSync(join(harmed.run, 'journal.ndjson'), 'utf8');
    const { code, stderr } = await lockstep(['train', '--resume', harmed.run]);
    expect(code).toBe(65);
    expect(stderr).toMatch(/^lockstep: .+; .+\n$/);
    expect(readFileSync(join(harmed.run, 'journal.ndjson'), 'utf8').startsWith(before.trimEnd())).toBe(true);
  });

  it('journal: half a line at its end is taken off', async () => {
    const harmed = await killedRun();
    appendFileSync(join(harmed.run, 'journal.ndjson'), '{"kind":"step","st');
    await expectResumed(harmed);
  });

  it('journal: a step that cannot be repeated ends the run with 65 and both digests', async () => {
    const harmed = await killedRun();
    const last = stepsOf(harmed.run).at(-1) as { step: number; shardDigests: string[] };
    const [first = '', ...others] = last.shardDigests;
    const wrong = first.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    // The last line lies after the newest checkpoint but one, which is what is left.
    rmSync(newestCheckpoint(harmed.run), { recursive: true });
    await rewriteJournal(harmed.run, (line) => {
      return line['step'] === last.step && line['kind'] === 'step'
        ? { ...line, shardDigests: [wrong, ...others] }
        : line;
    });
    const { code, stderr } = await lockstep(['train', '--resume', harmed.run]);
    expect(stderr).toContain(first);
    expect(stderr).toContain(wrong);
    expect(code).toBe(65);
  });
});

describe('two coordinators', () => {
  it('of one run: the second is refused with 73, the first does not notice', async () => {
    const harmed = comparison.harm('C5:times=1000:hang=50');
    await harmed.step(5);
    const { code, stderr } = await lockstep(['train', '--resume', harmed.run]);
    expect(stderr).toMatch(/held by process \d+/);
    expect(code).toBe(73);
    await comparison.expectSame(harmed);
  });
});
