/**
 * Commands of the tools: run with a deadline, quiet unless they fail, never left behind. Whatever ends the tool (a
 * signal, an error, its own exit) ends the command too and undoes what was registered with `atExit`.
 */
import { spawn } from 'node:child_process';
import { explain } from './failure.mjs';

const KEPT_BYTES = 64 * 1024;

/** @type {Map<NodeJS.Signals, number>} */
const endingSignals = new Map([['SIGHUP', 1], ['SIGINT', 2], ['SIGTERM', 15]]);

/**
 * Runs `undo` when the process exits or is told to; the function returned takes it back.
 * @param {() => void} undo
 */
export function atExit(undo) {
  const listeners = [...endingSignals].map(([signal, number]) => {
    const listener = () => process.exit(128 + number);
    process.on(signal, listener);
    return { signal, listener };
  });
  process.on('exit', undo);
  return () => {
    process.off('exit', undo);
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}

/**
 * @typedef {object} Ended
 * @property {number} exitCode 128 and more for a signal, as a shell counts
 * @property {boolean} isTimedOut whether its deadline ended it
 * @property {string} output the end of both outputs together, empty when they were shown
 */

/**
 * Runs one command of this Node to its end.
 * @param {string[]} args what `node` is given
 * @param {{ cwd: string, deadlineMs: number, show?: boolean, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<Ended>}
 */
export function runNode(args, options) {
  return run(process.execPath, args, options);
}

/**
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string, deadlineMs: number, show?: boolean, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<Ended>}
 */
export function run(file, args, { cwd, deadlineMs, show = false, env = {} }) {
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    // A process group of its own, so that the command's own children end with it.
    detached: process.platform !== 'win32',
  });
  const takeBack = atExit(() => endGroup(child, 'SIGTERM'));
  let output = '';
  /** @param {Buffer} chunk */
  const keep = (chunk) => {
    output = (output + chunk.toString()).slice(-KEPT_BYTES);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  let isTimedOut = false;
  const deadline = setTimeout(() => {
    isTimedOut = true;
    keep(Buffer.from(`\nended after its ${deadlineMs / 1000} seconds were over`));
    endGroup(child, 'SIGKILL');
  }, deadlineMs);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(deadline);
      takeBack();
    };
    child.once('error', (error) => {
      end();
      reject(explain(`cannot run ${file}`, error.message, 'check that it is installed and on the PATH'));
    });
    child.once('close', (code, signal) => {
      end();
      resolve({ exitCode: code ?? 128 + (endingSignals.get(signal ?? 'SIGKILL') ?? 9), isTimedOut, output });
    });
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function endGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}
