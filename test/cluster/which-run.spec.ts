/** Which run a command means that names none, and what it says of folders that hold none. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockstep, LockstepProcess, readJson, temporaryFolder, writeText } from './lockstep-process.js';

/** Starts a run below runs/ of a folder. */
function begin(folder: string, name: string, steps: number): LockstepProcess {
  const model = ['--text', writeText(folder), '--preset', 'tiny', '--engine', 'wasm', '--workers', '1', '--json'];
  const run = join('runs', name);
  return new LockstepProcess(['train', ...model, '--steps', String(steps), '--run-dir', run], { cwd: folder });
}

async function beginEndless(folder: string, name: string): Promise<LockstepProcess> {
  const process = begin(folder, name, 1_000_000);
  await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
  return process;
}

describe('a command without a run', () => {
  it('means the run that goes on, not a later one that has ended', async () => {
    const folder = temporaryFolder();
    const running = await beginEndless(folder, 'first');
    expect((await begin(folder, 'later', 1).end()).code).toBe(0);
    const { stdout } = await lockstep(['status', '--json'], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ directory: join('runs', 'first'), alive: true });
    expect(await lockstep(['scale', '2'], { cwd: folder })).toMatchObject({
      code: 0,
      stdout: '2 local workers: local-1 started\n',
    });
    const stopped = await lockstep(['stop'], { cwd: folder });
    expect(stopped).toMatchObject({ code: 0, stdout: `${join('runs', 'first')} has ended (stopped)\n` });
    expect((await running.end()).code).toBe(0);
  });

  it('that would change one of several refuses to choose', async () => {
    const folder = temporaryFolder();
    const running = [await beginEndless(folder, 'one'), await beginEndless(folder, 'two')];
    const { code, stderr } = await lockstep(['scale', '2'], { cwd: folder });
    expect(stderr).toMatch(/^lockstep: 2 runs go on below runs\/ here: runs\/one, runs\/two; name the one .*\n$/);
    expect(code).toBe(64);
    for (const process of running) process.child.kill('SIGINT');
    for (const process of running) expect((await process.end()).code).toBe(0);
  });
});

describe('a folder', () => {
  it.each(['status', 'stop'])(
    'that lockstep %s finds no run in is told from one that has not begun',
    async (command) => {
      const folder = temporaryFolder();
      expect((await begin(folder, 'run', 1).end()).code).toBe(0);
      const early = join(folder, 'early');
      cpSync(join(folder, 'runs', 'run'), early, { recursive: true });
      rmSync(join(early, 'run.json'));
      expect(await lockstep([command, early])).toMatchObject({
        code: 75,
        stderr: expect.stringMatching(
          /^lockstep: the run in .*early has not begun to compute \(it has no run.json\); .*\n$/,
        ),
      });
      const empty = join(folder, 'empty');
      mkdirSync(empty);
      expect(await lockstep([command, empty])).toMatchObject({
        code: 64,
        stderr: `lockstep: ${empty} holds no run; name a run directory\n`,
      });
      expect(await lockstep([command, join(folder, 'nowhere')])).toMatchObject({
        code: 64,
        stderr: `lockstep: there is no folder ${join(folder, 'nowhere')}; check the path\n`,
      });
      writeFileSync(join(early, 'run.json'), '{');
      expect(await lockstep([command, early])).toMatchObject({
        code: 65,
        stderr: expect.stringMatching(
          /run.json: it is not JSON; it only says how the run stands: lockstep inspect .*\n$/,
        ),
      });
      expect((await lockstep(['inspect', early])).code).toBe(0);
      expect(readJson(early, 'summary.json')['steps']).toBe(1);
    },
  );
});
