/**
 * Child processes with a deadline. Their output is passed on line by line and the last lines are kept, because they
 * are what explains a failure.
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { KILL_GRACE_MS, LINE_CHARACTERS_MAX, TAIL_LINES_MAX } from './limits.js';

export interface ChildNeeds {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ChildEnd {
  /** `missing`: the program could not be started at all. */
  readonly how: 'done' | 'failed' | 'missing' | 'deadline' | 'aborted';
  /** Last lines of both outputs, oldest first. */
  readonly tail: readonly string[];
}

/** Runs a program without a shell and never throws for what the program does. */
export async function runChild(program: string, args: readonly string[], needs: ChildNeeds): Promise<ChildEnd> {
  if (needs.signal?.aborted === true) return { how: 'aborted', tail: [] };
  const tail: string[] = [];
  const child = spawn(program, args, {
    cwd: needs.cwd,
    env: { ...process.env, ...needs.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const keep = (line: string): void => {
    const text = line.trimEnd().slice(0, LINE_CHARACTERS_MAX);
    if (text.trim() === '') return;
    tail.push(text);
    if (tail.length > TAIL_LINES_MAX) tail.shift();
    needs.onLine?.(text);
  };
  const outputs = [readLines(child.stdout, keep), readLines(child.stderr, keep)];

  let stoppedBy: 'deadline' | 'aborted' | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (reason: 'deadline' | 'aborted'): void => {
    stoppedBy ??= reason;
    child.kill('SIGTERM');
    killTimer ??= setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
  };
  const onAbort = (): void => stop('aborted');
  const deadline = setTimeout(() => stop('deadline'), needs.deadlineMs);
  needs.signal?.addEventListener('abort', onAbort);
  try {
    const exit = await new Promise<number | 'missing' | null>((settle) => {
      child.once('error', () => settle('missing'));
      child.once('exit', (code) => settle(code));
    });
    // A grandchild may hold the pipes open after a kill: then what was read so far has to do.
    if (stoppedBy === undefined) await Promise.all(outputs);
    if (stoppedBy !== undefined) return { how: stoppedBy, tail };
    if (exit === 'missing') return { how: 'missing', tail };
    return { how: exit === 0 ? 'done' : 'failed', tail };
  } finally {
    clearTimeout(deadline);
    clearTimeout(killTimer);
    needs.signal?.removeEventListener('abort', onAbort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

async function readLines(stream: Readable, keep: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) keep(line);
}
