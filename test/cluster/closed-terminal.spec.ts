/** A run on a real terminal (of `script`): closed while it runs, or left by two Ctrl-C. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  EXECUTABLE,
  LockstepProcess,
  processesOf,
  readJson,
  temporaryFolder,
  tinyRun,
  waitFor,
} from './lockstep-process.js';

/** Ends a command on a terminal of its own by taking the terminal away. */
async function closeTerminalOf(args: readonly string[], run: string): Promise<string> {
  const exitCode = join(temporaryFolder(), 'exit-code');
  const command = [process.execPath, EXECUTABLE, ...args].map((word) => `'${word}'`).join(' ');
  // The shell outlives the terminal, to tell how the command ended.
  const shell = `trap '' HUP; ${command}; echo $? > '${exitCode}'`;
  const terminal = spawn('script', ['-qfc', shell, '/dev/null'], {
    stdio: 'ignore',
    env: { ...process.env, TERM: 'xterm' },
  });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  await waitFor(
    'the first steps',
    () => existsSync(join(run, 'run.json')) && Number(readJson(run, 'run.json')['step']) > 3,
  );
  terminal.kill('SIGKILL');
  return waitFor('its end', () => existsSync(exitCode) && readFileSync(exitCode, 'utf8').trim());
}

describe('a terminal that is closed', () => {
  it('ends the run well: a checkpoint, no abort, nobody left behind', async () => {
    const { run, args } = tinyRun('--steps', '1000000');
    const code = await closeTerminalOf(args, run);
    // 128 + SIGHUP, as a shell counts; an abort would be 134.
    expect(code).toBe('129');
    const { runId, state } = readJson(run, 'run.json');
    expect(state).toBe('stopped');
    const { steps } = readJson(run, 'summary.json');
    expect(existsSync(join(run, 'checkpoints', `step-${String(steps).padStart(6, '0')}`))).toBe(true);
    await waitFor('everything to end', () => processesOf(String(runId)).length === 0);
  });
});

describe('Ctrl-C for the second time', () => {
  it('names the command that goes on', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    const { coordinator } = readJson(run, 'run.json') as { coordinator: { pid: number } };
    globalThis.process.kill(coordinator.pid, 'SIGSTOP');
    process.child.kill('SIGINT');
    await process.event(({ event, text }) => event === 'notice' && String(text).startsWith('stopping'));
    await delay(600);
    process.child.kill('SIGINT');
    const { code, stderr } = await process.end();
    const wayOn = `lockstep train --resume ${run} goes on from the last checkpoint`;
    expect(stderr).toBe(`lockstep: left at once, without a new checkpoint; ${wayOn}\n`);
    expect(code).toBe(75);
  });
});
