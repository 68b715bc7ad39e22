import { describe, expect, it } from 'vitest';

import { runChild } from './child.js';
import { TAIL_LINES_MAX } from './limits.js';

const run = (script: string, deadlineMs = 20_000, signal?: AbortSignal): ReturnType<typeof runChild> =>
  runChild(process.execPath, ['-e', script], { deadlineMs, signal });

describe('runChild', () => {
  it('passes lines on and keeps the last ones of both outputs', async () => {
    const lines: string[] = [];
    const script = 'for (let i = 0; i < 50; i += 1) console.log("line " + i); console.error("to stderr")';
    const end = await runChild(process.execPath, ['-e', script], {
      deadlineMs: 20_000,
      onLine: (line) => lines.push(line),
    });
    expect(end.how).toBe('done');
    expect(lines).toHaveLength(51);
    expect(lines).toContain('to stderr');
    expect(end.tail).toHaveLength(TAIL_LINES_MAX);
    expect(end.tail.join('\n')).toContain('line 49');
  });

  it('tells a failure, a missing program and a success apart', async () => {
    expect(await run('console.log("why"); process.exitCode = 3')).toEqual({ how: 'failed', tail: ['why'] });
    const missing = await runChild('lockstep-no-such-program', [], { deadlineMs: 20_000 });
    expect(missing).toEqual({ how: 'missing', tail: [] });
    expect((await run('')).how).toBe('done');
  });

  it('ends a child that is too late, even one that ignores the polite signal', async () => {
    const end = await run('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)', 1500);
    expect(end.how).toBe('deadline');
  });

  it('ends a child when its caller gives up', async () => {
    const controller = new AbortController();
    const end = runChild(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], {
      deadlineMs: 20_000,
      signal: controller.signal,
      onLine: () => controller.abort(),
    });
    expect((await end).how).toBe('aborted');
    expect((await run('', 20_000, controller.signal)).how).toBe('aborted');
  });
});
