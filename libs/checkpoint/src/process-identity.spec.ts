import { describe, expect, it } from 'vitest';
import { isSameProcess, ownIdentity, processIdentity } from './process-identity.js';
import { startChild } from './testing/child.js';

describe('processIdentity', () => {
  it('knows this process and keeps to its answer', () => {
    const own = ownIdentity();
    expect(own.pid).toBe(process.pid);
    expect(processIdentity(process.pid)).toEqual(own);
    expect(isSameProcess(own)).toBe(true);
  });

  it.runIf(process.platform === 'linux')('tells a recycled pid from the process it once meant', async () => {
    const { pid, processStart } = ownIdentity();
    expect(processStart).toMatch(/^[0-9a-f-]{36}\/[0-9]+$/);
    expect(isSameProcess({ pid, processStart: `${processStart}0` })).toBe(false);
  });

  it('follows a child from life to death', async () => {
    const child = startChild(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
    expect(await child.nextLine()).toBe('up');
    const identity = processIdentity(child.process.pid ?? 0);
    expect(identity).not.toBeNull();
    child.process.kill('SIGKILL');
    await child.ended;
    expect(identity !== null && isSameProcess(identity)).toBe(false);
    expect(processIdentity(child.process.pid ?? 0)).toBeNull();
  });

  it('reads the start time behind any process name', async () => {
    const program = 'process.title = ") R 1 (x y"; console.log("up"); setInterval(() => {}, 1000)';
    const child = startChild(process.execPath, ['-e', program]);
    await child.nextLine();
    const identity = processIdentity(child.process.pid ?? 0);
    expect(identity).not.toBeNull();
    if (process.platform === 'linux') expect(identity?.processStart).toMatch(/\/[0-9]+$/);
    child.process.kill('SIGKILL');
    await child.ended;
  });

  it('never takes a process group for a process', () => {
    expect(() => processIdentity(0)).toThrow('is a process id');
    expect(() => processIdentity(-1)).toThrow('is a process id');
  });
});
