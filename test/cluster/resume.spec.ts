/** Going on with a run that ended early: exactly where it ended, as what it was, and by one process at a time. */
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';
import {
  lockstep,
  LockstepProcess,
  readJson,
  removeCheckpointsBut,
  rewriteJournal,
  stepsOf,
  temporaryFolder,
  tinyRun,
  writeText,
} from './lockstep-process.js';

const STEPS = 100;
const comparison = new Comparison(STEPS, '--validation-fraction', '0.2');

const resume = (run: string, ...more: readonly string[]): readonly string[] => ['train', '--resume', run, ...more];

/** A run that was ended by Ctrl-C in the middle. */
async function stopped(...more: readonly string[]): Promise<string> {
  const harmed = comparison.harm('', ...more);
  await harmed.step(30);
  harmed.process.child.kill('SIGINT');
  expect(await harmed.process.end()).toMatchObject({ code: 0, stderr: '' });
  const steps = Number(readJson(harmed.run, 'summary.json')['steps']);
  expect(steps).toBeGreaterThanOrEqual(30);
  expect(steps).toBeLessThan(STEPS);
  return harmed.run;
}

/** Every file below a folder with its content. */
function contentOf(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    return statSync(join(folder, name)).isFile();
  });
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
}

describe('a run that was stopped', () => {
  it('goes on to the bytes, the steps and the summary of one that was not', async () => {
    const run = await stopped();
    const resumed = new LockstepProcess(resume(run, '--json'));
    expect(await resumed.end()).toMatchObject({ code: 0, stderr: '' });
    comparison.expectSameResult(run);
    const start = resumed.events.find(({ event }) => event === 'start');
    expect(start).toMatchObject({ resumedAt: expect.any(Number), totalSteps: STEPS });
    expect(readJson(run, 'summary.json')).toMatchObject({ result: 'done', steps: STEPS, characters: STEPS * 160 });
  });

  it('goes on from any folder, with the options of its start, on another number of workers', async () => {
    const run = await stopped();
    const finished = await lockstep(resume(run, '--workers', '1', '--quiet'), { cwd: temporaryFolder() });
    expect(finished).toMatchObject({ code: 0, stderr: '', stdout: '' });
    comparison.expectSameResult(run);
  });

  it('and then killed, and stopped again, still ends with the same bytes', async () => {
    const run = await stopped('--checkpoint-every', '10');
    const killed = new LockstepProcess(resume(run, '--json'));
    await killed.event(({ event, step }) => event === 'step' && Number(step) >= 60);
    killed.child.kill('SIGKILL');
    await killed.end();
    expect((await lockstep(resume(run, '--quiet'))).code).toBe(0);
    comparison.expectSameResult(run);
  });
});

describe('a run whose workers are on other machines', () => {
  it('finds them again, with the weights they hold, when its coordinator was killed and is resumed', async () => {
    const harmed = comparison.harm('', '--workers', '0', '--min-workers', '2');
    const endpoint = String((await harmed.process.event(({ event }) => event === 'start'))['endpoint']);
    const workers = ['a', 'b'].map((name) => {
      return new LockstepProcess(['worker', '--coordinator', endpoint, '--name', name], { env: harmed.environment });
    });
    await harmed.step(30);
    harmed.process.child.kill('SIGKILL');
    await harmed.process.end();
    const resumed = new LockstepProcess(resume(harmed.run, '--json'));
    expect(await resumed.end()).toMatchObject({ code: 0, stderr: '' });
    comparison.expectSameResult(harmed.run);
    const [recovered, ...more] = resumed.events.filter(({ event }) => event === 'recovered');
    expect(recovered).toMatchObject({ from: 'replicas' });
    expect(Number(recovered?.['step'])).toBeGreaterThanOrEqual(30);
    expect(more).toEqual([]);
    for (const worker of workers) expect((await worker.end()).code).toBe(0);
  });
});

describe('a run that is done', () => {
  it('says so, shows its summary and changes nothing', async () => {
    const { run, args } = tinyRun('--steps', '5', '--quiet');
    expect((await lockstep(args)).code).toBe(0);
    const before = readFileSync(join(run, 'journal.ndjson'), 'utf8');
    const again = await lockstep(resume(run));
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toContain('is done already');
    expect(again.stdout).toContain(String(readJson(run, 'summary.json')['weightsSha256']));
    expect(readFileSync(join(run, 'journal.ndjson'), 'utf8')).toBe(before);
  });

  it('goes on when more steps are asked for, as if they had been from the start', async () => {
    const short = tinyRun('--steps', '20', '--quiet');
    expect((await lockstep(short.args)).code).toBe(0);
    expect((await lockstep(resume(short.run, '--steps', '40', '--quiet'))).code).toBe(0);
    const long = tinyRun('--steps', '40', '--quiet');
    expect((await lockstep(long.args)).code).toBe(0);
    expect(stepsOf(short.run).map(({ weightsDigest }) => weightsDigest)).toEqual(
      stepsOf(long.run).map(({ weightsDigest }) => weightsDigest),
    );
    const sums = [short, long].map(({ run }) => readJson(run, 'summary.json')['weightsSha256']);
    expect(sums[0]).toBe(sums[1]);
    const fewer = await lockstep(resume(short.run, '--steps', '10'));
    expect(fewer.code).toBe(64);
    expect(fewer.stderr).toMatch(/^lockstep: .*has made 40 steps already.*--steps 40.*\n$/);
  });
});

describe('what cannot be resumed', () => {
  it.each([
    [['--units', '64'], /--units 64 contradicts .* with 32;/],
    [['--seed', '2'], /--seed 2 contradicts .* with 1;/],
    [['--shards', '4'], /--shards 4 contradicts .* with 2;/],
    [['--clip-norm', '1'], /--clip-norm 1 contradicts .* without it;/],
    [['--preset', 'small'], /--preset "small" contradicts .* with "tiny";/],
    [['--run-dir', 'elsewhere'], /--run-dir elsewhere is where .*; leave --run-dir out .*--resume/],
  ])('a run with %j: 64, naming the option', async (args, pattern) => {
    const { run, args: start } = tinyRun('--steps', '2', '--quiet', '--shards', '2');
    await lockstep(start);
    const { code, stderr } = await lockstep(resume(run, '--steps', '4', ...args));
    expect(stderr).toMatch(pattern);
    expect(stderr).toMatch(/^lockstep: [^\n]+; [^\n]+\n$/);
    expect(code).toBe(64);
    expect(stepsOf(run)).toHaveLength(2);
  });

  it('a run whose options are said again as they were goes on', async () => {
    const { run, args } = tinyRun('--steps', '2', '--quiet', '--shards', '2');
    await lockstep(args);
    const same = ['--preset', 'tiny', '--engine', 'wasm', '--shards', '2', '--seed', '1', '--steps', '3', '--quiet'];
    expect(await lockstep(resume(run, ...same))).toMatchObject({ code: 0, stderr: '' });
    expect(stepsOf(run)).toHaveLength(3);
  });

  it('a run whose text has changed: 65, naming file and both sums; one whose text has moved goes on', async () => {
    const folder = temporaryFolder();
    const text = writeText(folder);
    const run = join(folder, 'run');
    const model = ['--preset', 'tiny', '--engine', 'wasm', '--steps', '2', '--quiet'];
    await lockstep(['train', '--text', text, ...model, '--run-dir', run]);
    const moved = writeText(folder, 'moved.txt');
    appendFileSync(text, 'x');
    const { code, stderr } = await lockstep(resume(run, '--steps', '3'));
    expect(stderr).toMatch(/^lockstep: the text .*text\.txt has changed: SHA-256 [0-9a-f]{64}, .* [0-9a-f]{64}; .*\n$/);
    expect(code).toBe(65);
    expect((await lockstep(resume(run, '--steps', '3', '--text', moved, '--quiet'))).code).toBe(0);
  });

  it('a run whose configuration is damaged: 65, naming the file', async () => {
    const { run, args } = tinyRun('--steps', '1', '--quiet');
    await lockstep(args);
    writeFileSync(join(run, 'config.json'), '{"units": ');
    const { code, stderr } = await lockstep(resume(run));
    expect(stderr).toMatch(/^lockstep: .*config\.json cannot be read: [^\n]+; [^\n]+\n$/);
    expect(code).toBe(65);
  });

  it('a run whose configuration was altered: 65, naming what, both values and what to do', async () => {
    const { run, args } = tinyRun('--steps', '2', '--quiet');
    await lockstep(args);
    const path = join(run, 'config.json');
    const config = readFileSync(path, 'utf8');
    const sum = readJson(run, 'config.json')['text'] as { sha256: string };
    const other = `00${sum.sha256.slice(2)}`;
    const altered: readonly [string, string, RegExp][] = [
      ['"seed": 1,', '"seed": 2,', /: seed is 2, it was 1; \S+step-000002.manifest\.json has the old values: .*/],
      ['"learningRate": 0.001', '"learningRate": 0.1', /: learningRate is 0\.1, it was 0\.001; /],
      [sum.sha256, other, new RegExp(`: text\\.sha256 is "${other}", it was "${sum.sha256}"; `)],
    ];
    for (const [before, after, pattern] of altered) {
      writeFileSync(path, config.replace(before, after));
      const files = contentOf(run);
      const { code, stderr } = await lockstep(resume(run, '--steps', '4'));
      expect(stderr).toMatch(/^lockstep: \S+config\.json is not what the run was computed with: [^\n]+; [^\n]+\n$/);
      expect(stderr).toMatch(pattern);
      expect(code).toBe(65);
      expect(contentOf(run)).toEqual(files);
    }
    writeFileSync(path, config);
    expect((await lockstep(resume(run, '--steps', '4', '--quiet'))).code).toBe(0);
  });

  it('a run without checkpoints: 65, with the command that begins it anew, to the same bytes', async () => {
    const { run, args } = tinyRun('--steps', '2', '--quiet', '--seed', '3');
    await lockstep(args);
    const sum = readJson(run, 'summary.json')['weightsSha256'];
    const checkpoints = join(run, 'checkpoints');
    for (const remove of [() => removeCheckpointsBut(run, -1), () => rmSync(checkpoints, { recursive: true })]) {
      remove();
      const files = contentOf(run);
      const { code, stderr } = await lockstep(resume(run, '--steps', '4'));
      const state = existsSync(checkpoints) ? 'holds no checkpoint' : 'is missing';
      expect(stderr).toMatch(/^lockstep: [^\n]+ anew: lockstep train [^\n]+\n$/);
      expect(stderr).toContain(`${checkpoints} ${state}, while the journal has 2 steps; `);
      expect(code).toBe(65);
      expect(contentOf(run)).toEqual(files);
      const anew = (stderr.trimEnd().split(': lockstep ')[1] ?? '').split(' ');
      const again = join(temporaryFolder(), 'run');
      expect((await lockstep([...anew, '--run-dir', again, '--quiet'])).code).toBe(0);
      expect(readJson(again, 'summary.json')['weightsSha256']).toBe(sum);
    }
  });

  it('a run without its journal: 65, naming it, and no checkpoint is taken for a bad one', async () => {
    const { run, args } = tinyRun('--steps', '2', '--quiet');
    await lockstep(args);
    const path = join(run, 'journal.ndjson');
    const journal = readFileSync(path, 'utf8');
    for (const [state, remove] of [
      ['missing', () => rmSync(path)],
      ['empty', () => writeFileSync(path, '')],
    ] as const) {
      remove();
      const files = contentOf(run);
      const { code, stdout, stderr } = await lockstep(resume(run, '--steps', '4'));
      expect(stderr).toMatch(/^lockstep: [^\n]+; [^\n]+; nothing was changed\n$/);
      expect(stderr).toContain(`${path} is ${state}, while there is a checkpoint of step 2; `);
      expect(stdout + stderr).not.toContain('passed over');
      expect(code).toBe(65);
      expect(contentOf(run)).toEqual(files);
    }
    writeFileSync(path, journal);
    expect((await lockstep(resume(run, '--steps', '4', '--quiet'))).code).toBe(0);
  });

  it('a run with an early journal line altered or gone: 65, naming its number; nothing is changed', async () => {
    const { run, args } = tinyRun('--steps', '4', '--quiet');
    await lockstep(args);
    const path = join(run, 'journal.ndjson');
    const lines = readFileSync(path, 'utf8').split('\n');
    const altered = lines.map((line, index) => (index === 2 ? line.replace(/"loss":\d/, '"loss":9') : line));
    for (const harmed of [altered, lines.filter((_, index) => index !== 2)]) {
      writeFileSync(path, harmed.join('\n'));
      const files = contentOf(run);
      for (const command of [resume(run, '--steps', '6'), ['inspect', run]]) {
        const { code, stderr } = await lockstep(command);
        expect(stderr).toMatch(/^lockstep: \S+journal\.ndjson: line 3: its checksum does not fit: [^\n]+; [^\n]+\n$/);
        expect(code).toBe(65);
      }
      expect(contentOf(run)).toEqual(files);
    }
    writeFileSync(path, lines.join('\n'));
    expect((await lockstep(resume(run, '--steps', '6', '--quiet'))).code).toBe(0);
  });

  it('a directory without a run', async () => {
    const { code, stderr } = await lockstep(resume(temporaryFolder()));
    expect(stderr).toMatch(/^lockstep: .* holds no run that can be resumed; .*\n$/);
    expect(code).toBe(64);
  });

  it('a run that somebody leads: 73, naming the process', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--json');
    const first = new LockstepProcess(args);
    await first.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    const { code, stderr } = await lockstep(resume(run));
    const { pid } = readJson(run, 'run.json')['coordinator'] as { pid: number };
    expect(stderr).toMatch(new RegExp(`^lockstep: .*held by process ${pid} .*\\n$`));
    expect(code).toBe(73);
    first.child.kill('SIGINT');
    expect((await first.end()).code).toBe(0);
  });

  it('a run whose journal another computation contradicts: 65, with both digests', async () => {
    const run = await stopped('--checkpoint-every', '1000');
    // As if the checkpoint of step 0 were the only one, and one step had been computed elsewhere, otherwise.
    const digest = String(stepsOf(run)[4]?.['weightsDigest']);
    const other = digest.replace(/^./, digest.startsWith('0') ? '1' : '0');
    await rewriteJournal(run, (line) => (line['step'] === 5 ? { ...line, weightsDigest: other } : line));
    removeCheckpointsBut(run, 0);
    const { code, stderr } = await lockstep(resume(run, '--quiet'));
    expect(stderr).toMatch(/^lockstep: [^\n]+\n$/);
    expect(stderr).toContain(digest);
    expect(stderr).toContain(other);
    expect(code).toBe(65);
  });
});
