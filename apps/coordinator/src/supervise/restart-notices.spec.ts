import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { RestartNotices } from './restart-notices.js';
import type { WorkerEnd } from './worker-pool.js';

const REASON = 'local worker 0 (pid 12) ended by SIGKILL; its log is a.log';
const END: WorkerEnd = {
  ...{ code: null, signal: 'SIGKILL', peer: 'p', name: 'local-0', reason: REASON, verdict: null },
  unasked: null,
};
const TOLD: RunEvent = { event: 'worker', worker: 0, status: 'gone', detail: `worker 0 (pid 12 on h): ${REASON}` };

/** What is said of a worker that is started again after a pause. */
function saidAfter(pausedMs: number, event: RunEvent | undefined): string[] {
  const said: string[] = [];
  const notices = new RestartNotices((shown) => said.push('text' in shown ? String(shown.text) : ''));
  notices.ended(END);
  vi.advanceTimersByTime(pausedMs);
  notices.restarted(END, pausedMs);
  if (event !== undefined) notices.shown(event);
  vi.runAllTimers();
  return said;
}

describe('a local worker that is started again', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('at once, of whose end the coordinator tells: needs no word', () => {
    expect(saidAfter(0, TOLD)).toEqual([]);
  });

  it('after a pause: is announced, without the reason that was told', () => {
    expect(saidAfter(4_000, TOLD)).toEqual(['local-0 is started again']);
  });

  it('of whose end nobody told, or with another reason: is announced with what happened', () => {
    expect(saidAfter(0, undefined)).toEqual([`${REASON}; local-0 is started again`]);
    const broken = { ...TOLD, detail: 'worker 0 (pid 12 on h): the connection broke' };
    expect(saidAfter(4_000, broken)).toEqual([`${REASON}; local-0 is started again`]);
  });
});
