import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { updatesOf } from './updates-of.js';

const AT = '2031-01-01T00:00:00.000Z';
const told = (event: RunEvent) => updatesOf({ at: AT, committed: 7, event });
const kindsOf = (event: RunEvent): readonly string[] =>
  told(event).flatMap((update) => (update.type === 'entry' ? [update.entry.kind] : []));

describe('what a page is told', () => {
  it('of a worker: its name when it comes, a fault when it is lost, nothing of the steps between', () => {
    const worker = (status: string, detail = ''): RunEvent => ({ event: 'worker', worker: 2, status, detail });
    expect(told(worker('preparing', 'gpu, box, pid 12 on host'))).toEqual([
      { type: 'member', change: { at: AT, slot: 2, name: 'gpu, box', state: 'preparing' } },
    ]);
    expect(kindsOf(worker('waiting', 'wasm'))).toEqual([]);
    expect(kindsOf(worker('ready'))).toEqual(['member']);
    expect(kindsOf(worker('gone', 'lost'))).toEqual(['fault']);
    expect(kindsOf(worker('left', 'drained'))).toEqual(['member']);
  });

  it('of warnings: which are faults', () => {
    expect(kindsOf({ event: 'warning', text: 'no room', disk: 'checkpoint' })).toEqual(['fault']);
    expect(kindsOf({ event: 'warning', text: 'the checkpoint does not know 3 characters' })).toEqual(['warning']);
  });

  it('of a coordinator that ended, once the next one leads', () => {
    const coordinator = { event: 'coordinator', term: 1, detail: 'ended by SIGKILL', downSeconds: 1.2 } as const;
    expect(kindsOf({ ...coordinator, status: 'lost' })).toEqual([]);
    expect(kindsOf({ ...coordinator, status: 'started', term: 2 })).toEqual(['fault']);
  });

  it('of messages that were refused: which are faults, and nothing of the ordinary', () => {
    const rejected = (reason: 'late' | 'damaged' | 'stale-term'): RunEvent => {
      return { event: 'rejected', worker: 0, reason, detail: '' };
    };
    expect(kindsOf(rejected('late'))).toEqual([]);
    expect(kindsOf(rejected('damaged'))).toEqual(['fault']);
    expect(kindsOf(rejected('stale-term'))).toEqual(['info']);
  });

  it('of checkpoints: their own step, but not the first one, which is the beginning', () => {
    expect(told({ event: 'checkpoint', step: 0, path: 'x' })).toEqual([]);
    expect(told({ event: 'checkpoint', step: 5, path: '/private/x' })).toEqual([
      { type: 'entry', entry: { at: AT, step: 5, kind: 'checkpoint', text: 'checkpoint of step 5' } },
    ]);
  });

  it('of text from elsewhere: no control character', () => {
    const [update] = told({ event: 'notice', text: 'a\u001b[2Jb' });
    expect(update).toMatchObject({ entry: { text: 'a\\u001b[2Jb' } });
  });
});
