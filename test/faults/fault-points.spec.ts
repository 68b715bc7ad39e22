/** Each action that concerns a whole process, done by a real process to itself; the log says that it happened, once. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder, waitFor } from '../cluster/lockstep-process.js';

const PROGRAM = fileURLToPath(new URL('./fault-passer.mjs', import.meta.url));

/** Starts a process that passes W6 at step 4 with a fault there. */
function pass(action: string, log = join(temporaryFolder(), 'faults.log')) {
  const env = { ...process.env, LOCKSTEP_FAULTS: `W6:step=4:${action}`, LOCKSTEP_FAULTS_LOG: log };
  const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>(
    (resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...said })),
  );
  return { child, log, ended };
}

/** The log holds one line, of this process and this action. */
function expectStrike(log: string, pid: number | undefined, action: string): void {
  const line = `^W6 step=4 worker=0 fault=0 pid=${pid} at=\\d+ action=${action}\n$`;
  expect(readFileSync(log, 'utf8')).toMatch(new RegExp(line));
}

describe('a process with a fault at a point it passes', () => {
  it.each([
    ['kill', { code: null, signal: 'SIGKILL', stdout: '' }],
    ['term', { code: 0, stdout: 'passed\nSIGTERM\n' }],
    ['exit=42', { code: 42, stdout: '' }],
    ['throw', { code: 1, stdout: '' }],
    ['hang=10', { code: 0, stdout: 'passed\n' }],
  ])('%s', async (action, outcome) => {
    const { child, log, ended } = pass(action);
    expect(await ended).toMatchObject(outcome);
    expectStrike(log, child.pid, action.split('=')[0] ?? '');
  });

  it('stop: does nothing more until it is continued', async () => {
    const { child, log, ended } = pass('stop');
    const state = () => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    await waitFor('the process to stop', () => state() === 'T');
    expectStrike(log, child.pid, 'stop');
    child.kill('SIGCONT');
    expect(await ended).toMatchObject({ code: 0, stdout: 'passed\n' });
  });

  it('is struck once only: the process that takes its place gets through', async () => {
    const { child, log, ended } = pass('kill');
    await ended;
    expect(await pass('kill', log).ended).toMatchObject({ code: 0, stdout: 'passed\n', stderr: '' });
    expectStrike(log, child.pid, 'kill');
  });
});
