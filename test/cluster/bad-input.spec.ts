/** Wrong input: one line that says what, where and what to do, the agreed exit code, and nothing overwritten. */
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Finished } from './lockstep-process.js';
import { lockstep, LockstepProcess, readJson, temporaryFolder, writeText } from './lockstep-process.js';

const TINY = ['--preset', 'tiny', '--engine', 'wasm', '--steps', '2', '--sample-length', '0', '--quiet'];

function expectLine({ code, stdout, stderr }: Finished, expectedCode: number, pattern: RegExp): void {
  expect(stderr).toMatch(/^lockstep: [^\n]+; [^\n]+\n$/);
  expect(stderr).toMatch(pattern);
  expect(code).toBe(expectedCode);
  expect(stdout).toBe('');
}

/** `lockstep train` in a fresh folder; nothing may be written there when it fails. */
async function failingTrain(args: readonly string[], folder = temporaryFolder()): Promise<Finished> {
  const finished = await lockstep(['train', ...TINY, '--run-dir', join(folder, 'run'), ...args]);
  expect(existsSync(join(folder, 'run', 'journal.ndjson'))).toBe(false);
  return finished;
}

describe('text', () => {
  const written = (content: string | Uint8Array): string => {
    const path = join(temporaryFolder(), 'input.txt');
    writeFileSync(path, content);
    return path;
  };

  it.each([
    ['missing', () => join(temporaryFolder(), 'nowhere.txt'), /nowhere\.txt.* does not exist/],
    ['empty', () => written(''), /input\.txt.* empty/],
    ['shorter than one window', () => written('too short'), /9.*21/],
    ['not UTF-8', () => written(new Uint8Array([0x61, 0x62, 0xff, 0x63])), /input\.txt.*UTF-8.*2/],
    ['a damaged gzip file', () => written(new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3])), /input\.txt.* cannot be read/],
    ['a folder without texts', () => temporaryFolder(), /holds no \.txt/],
  ])('%s', async (_, make, pattern) => {
    expectLine(await failingTrain(['--text', make()]), 65, pattern);
  });
});

describe('options', () => {
  it.each([
    [['--no-such-option'], /unknown: no-such-option;/],
    [['--preset', 'huge'], /preset/],
    [['--batch-size', '2', '--shards', '3'], /batch of 2.*--shards 3/],
    [['--batch-size', 'many'], /--batch-size/],
    [['--learning-rate', '-1'], /--learning-rate -1/],
    [['--steps'], /steps/],
    [['--seed', '1', '--seed', '2'], /--seed is given 2 times/],
  ])('%j', async (args, pattern) => {
    expectLine(await failingTrain(['--text', writeText(temporaryFolder()), ...args]), 64, pattern);
  });

  it('an unknown command, and one that is nearly right', async () => {
    expectLine(await lockstep(['fly']), 64, /fly/);
    expectLine(await lockstep(['trian']), 64, /train/);
    expectLine(await lockstep([]), 64, /no command/);
  });

  it('a config file that is missing, no JSON, or sets what is no option', async () => {
    const path = join(temporaryFolder(), 'config.json');
    expectLine(await failingTrain(['--config', path]), 78, /config\.json/);
    writeFileSync(path, '{"units": }');
    expectLine(await failingTrain(['--config', path]), 78, /config\.json/);
    writeFileSync(path, '{"unitz": 3}');
    expectLine(await failingTrain(['--config', path]), 78, /unitz/);
  });

  it('a variable with a value that does not fit', async () => {
    const finished = await lockstep(['train', ...TINY], { env: { LOCKSTEP_BATCH_SIZE: 'many' } });
    expectLine(finished, 64, /LOCKSTEP_BATCH_SIZE is not a number/);
  });
});

describe('checkpoint', () => {
  async function trained(): Promise<{ folder: string; text: string; run: string; checkpoint: string }> {
    const folder = temporaryFolder();
    const text = writeText(folder);
    const run = join(folder, 'trained');
    await lockstep(['train', '--text', text, ...TINY, '--run-dir', run]);
    return { folder, text, run, checkpoint: join(run, 'checkpoints', 'step-000002') };
  }

  it('of another shape', async () => {
    const { folder, text, checkpoint } = await trained();
    const finished = await failingTrain(['--text', text, '--units', '33', '--init-from', checkpoint], folder);
    expectLine(finished, 65, /step-000002.*another shape/);
  });

  it('torn in half, missing, or not one at all', async () => {
    const { folder, text, checkpoint } = await trained();
    truncateSync(join(checkpoint, 'weights.safetensors'), 2000);
    for (const command of [
      ['train', ...TINY, '--text', text, '--run-dir', join(folder, 'run'), '--init-from'],
      ['sample', '--checkpoint'],
      ['inspect'],
    ]) {
      expectLine(await lockstep([...command, checkpoint]), 65, /weights\.safetensors/);
    }
    expect((await lockstep(['sample', '--checkpoint', join(folder, 'nowhere')])).stderr).toMatch(
      /^lockstep: .*nowhere.*\n$/,
    );
    expectLine(await failingTrain(['--text', text, '--init-from', text], folder), 65, /text\.txt/);
  });

  it('of a run whose last checkpoint is torn: the one before is used and the torn one is named', async () => {
    const { run, checkpoint } = await trained();
    truncateSync(join(checkpoint, 'weights.safetensors'), 2000);
    const shown = await lockstep(['inspect', run]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('step-000000');
    expect(shown.stderr).toContain('step-000002');
  });
});

describe('run directory', () => {
  it('in use', async () => {
    const folder = temporaryFolder();
    const run = join(folder, 'run');
    const text = writeText(folder);
    const first = new LockstepProcess([
      'train',
      '--text',
      text,
      '--preset',
      'tiny',
      '--engine',
      'wasm',
      '--steps',
      '1000000',
      '--json',
      '--run-dir',
      run,
    ]);
    await first.event(({ event }) => event === 'step');
    expectLine(await lockstep(['train', '--text', text, ...TINY, '--run-dir', run]), 73, /run.*held by process \d+/);
    first.child.kill('SIGINT');
    expect((await first.end()).code).toBe(0);
  });

  it('that holds a run already, or something else', async () => {
    const folder = temporaryFolder();
    const run = join(folder, 'run');
    const text = writeText(folder);
    await lockstep(['train', '--text', text, ...TINY, '--run-dir', run]);
    const before = readFileSync(join(run, 'journal.ndjson'), 'utf8');
    expectLine(await lockstep(['train', '--text', text, ...TINY, '--run-dir', run]), 64, /holds a run already/);
    expect(readFileSync(join(run, 'journal.ndjson'), 'utf8')).toBe(before);
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'precious'), 'data');
    expectLine(await lockstep(['train', '--text', text, ...TINY, '--run-dir', other]), 64, /not empty \(precious\)/);
    expect(readdirSync(other)).toEqual(['precious']);
  });

  it('that cannot be made', async () => {
    const folder = temporaryFolder();
    const text = writeText(folder);
    expectLine(
      await lockstep(['train', '--text', text, ...TINY, '--run-dir', join(text, 'below-a-file')]),
      74,
      /below-a-file/,
    );
  });
});

describe('addresses', () => {
  it('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const bind = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const finished = await failingTrain(['--text', writeText(temporaryFolder()), '--bind', bind]);
    expectLine(finished, 69, new RegExp(`${bind}.*in use`));
  });

  it.each([
    ['where nobody listens', 'tcp://127.0.0.1:9', 69, /tcp:\/\/127\.0\.0\.1:9/],
    ['that is no address', 'nonsense', 64, /nonsense/],
    ['of a machine that does not exist', 'tcp://no-such-host.invalid:5555', 69, /no-such-host\.invalid/],
  ])('a coordinator %s', async (_, coordinator, code, pattern) => {
    const { code: actual, stderr } = await lockstep(['worker', '--coordinator', coordinator, '--connect-timeout', '2']);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(pattern);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^lockstep: .+; .+$/);
    expect(actual).toBe(code);
  });

  it('something that is not a coordinator', async () => {
    const server = createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const coordinator = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await lockstep(['worker', '--coordinator', coordinator, '--connect-timeout', '2'])).code).toBe(69);
  });
});

describe('no engine', () => {
  it.each(['onednn', 'tensorflow'])('where %s is asked for and not installed', async (engine) => {
    const text = writeText(temporaryFolder());
    const env = { LOCKSTEP_CACHE: temporaryFolder() };
    const finished = await lockstep(
      ['train', '--text', text, '--preset', 'tiny', '--engine', engine, '--quiet'],
      { env },
    );
    expectLine(finished, 69, new RegExp(`the ${engine} engine.*lockstep engine install`));
  });

  it('auto takes the embedded one and says so', async () => {
    const folder = temporaryFolder();
    const env = { LOCKSTEP_CACHE: temporaryFolder() };
    const args = [
      '--text',
      writeText(folder),
      '--preset',
      'tiny',
      '--steps',
      '1',
      '--sample-length',
      '0',
      '--run-dir',
      join(folder, 'run'),
    ];
    const finished = await lockstep(['train', ...args], { env });
    expect(finished.code).toBe(0);
    expect(finished.stdout).toContain('embedded engine');
    expect(readJson(folder, 'run', 'config.json')['engine']).toBe('wasm');
  });
});
