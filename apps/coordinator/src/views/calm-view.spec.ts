import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { CalmView } from './calm-view.js';
import { PlainView } from './plain-view.js';

/** What a person reads of these events, each given with the second in which it comes. */
function readAfter(events: readonly (readonly [seconds: number, event: RunEvent])[]): string[] {
  const lines: string[] = [];
  let nowMs = 0;
  const view = new CalmView(new PlainView((line) => lines.push(line)), () => nowMs);
  for (const [seconds, event] of events) {
    nowMs = seconds * 1000;
    view.show(event);
  }
  view.close();
  return lines;
}

const worker = (status: string, detail: string, slot = 0): RunEvent => ({
  event: 'worker',
  worker: slot,
  status,
  detail,
});
const stale = (step: number, slot: number | null = null): RunEvent => ({
  event: 'rejected',
  worker: slot,
  reason: 'other-step',
  detail: `gradient of step ${step}`,
});
const who = 'local-0, pid 12 on h';
const joins = [worker('preparing', who), worker('waiting', 'wasm on a CPU'), worker('ready', '')] as const;

describe('what people see', () => {
  it('of messages out of place is one line a minute for each reason and sender, with a count', () => {
    const flood = Array.from({ length: 40 }, (_, step) => [1, stale(step)] as const);
    expect(readAfter([...flood, [2, stale(7, 3)], [62, { event: 'notice', text: 'later' }]])).toEqual([
      'ignored from a stranger: other-step, gradient of step 0',
      'ignored from worker 3: other-step, gradient of step 7',
      'ignored from a stranger: other-step, gradient of step 39 (39 like this in the last minute)',
      'later',
    ]);
  });

  it('of a worker that comes back as the process it was is one line', () => {
    const [preparing, waiting, ready] = joins;
    const moved = [worker('preparing', who, 1), worker('waiting', 'wasm on a CPU', 1), worker('ready', '', 1)] as const;
    expect(readAfter([...joins, ...joins, ...moved].map((event) => [0, event]))).toEqual([
      `worker 0 preparing: ${who}`,
      'worker 0 waiting: wasm on a CPU',
      'worker 0 ready',
      `worker 0 ready: ${who}, again`,
      `worker 1 ready: ${who}, again`,
    ]);
    const lost = worker('gone', 'worker 0 (pid 12 on h): it was killed');
    expect(readAfter([preparing, waiting, ready, preparing, lost].map((event) => [0, event])).at(-1)).toBe(
      'worker 0 gone: it was killed',
    );
  });

  it('of a worker that is started anew is every stage', () => {
    const anew = worker('preparing', 'local-0, pid 13 on h');
    expect(readAfter([...joins, anew].map((event) => [0, event])).at(-1)).toBe(
      'worker 0 preparing: local-0, pid 13 on h',
    );
  });
});
