/** A short piece of chaos, so that the tool does not rot; the long runs are started by hand. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readJson, temporaryFolder } from '../cluster/lockstep-process.js';
import { chaos } from './chaos.js';
import { figures, rate } from './report.js';

const PROGRAM = fileURLToPath(new URL('./main.mjs', import.meta.url));
const MINUTES = 0.15;
const EVERY_SECONDS = 1.5;

async function run(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

describe('npm run chaos', () => {
  it('strikes as often as asked, and the run has the same steps and the same bytes', async () => {
    const out = join(temporaryFolder(), 'report.json');
    const short = ['--preset', 'tiny', '--minutes', String(MINUTES), '--every', String(EVERY_SECONDS)];
    const { code, output } = await run(...short, '--out', out);
    expect(output).toMatch(/same SHA-256 +yes/);
    expect(code).toBe(0);
    const report = readJson(out);
    expect(report).toMatchObject({ stepsLost: 0, stepsDouble: 0, sameSteps: true, sameSha256: true });
    expect(report['faults']).toBeGreaterThanOrEqual(Math.floor((MINUTES * 60) / EVERY_SECONDS / 2));
    expect(new Set((report['strikes'] as { kind: string }[]).map(({ kind }) => kind)).size).toBeGreaterThan(3);
  });

  it('says what is wrong with its options', async () => {
    const silent = (): void => undefined;
    await expect(chaos(['--kinds', 'earthquake'], silent)).rejects.toThrow('earthquake');
    await expect(chaos(['--minutes', 'none'], silent)).rejects.toThrow('--minutes none');
    expect(await run('--seed', 'x')).toMatchObject({ code: 1, output: expect.stringContaining('--seed x') });
  });
});

describe('the figures', () => {
  const commits = [1000, 2000, 2500, 6000].map((atMs, index) => ({ step: index + 1, characters: 50, atMs }));
  const strike = (atMs: number) => ({ kind: 'kill worker', detail: '', atMs });

  it('measure from a fault to the next commit', () => {
    const strikes = [900, 1990, 2400, 2600, 7000].map(strike);
    expect(figures('kill worker', strikes, commits)).toEqual({
      ...{ kind: 'kill worker', count: 5, recoveryP50Ms: 100, recoveryP99Ms: 3400 },
    });
    expect(figures('none', [], commits)).toMatchObject({ count: 0, recoveryP50Ms: null });
  });

  it('measure the speed between the first commit and the last', () => {
    expect(rate(commits)).toBe((3 * 50) / 5);
    expect(rate(commits.slice(0, 1))).toBe(0);
  });
});
