import type { LostWorker, Report } from '@lockstep/protocol';
import { describe, expect, it } from 'vitest';
import { failureLines } from '../views/failure-lines.js';
import type { UnaskedEnd } from '../supervise/messages.js';
import { WorkerFailures } from './worker-failures.js';

type Progress = Parameters<WorkerFailures['observe']>[1];

class Story {
  nowMs = Date.parse('2026-05-01T06:00:00Z');
  progress: Progress = { workers: new Map<never, never>(), committed: 0, phase: { name: 'boundary' } };
  readonly failures = new WorkerFailures(() => this.nowMs);

  gone(slot: number, detail: string, lost: Partial<LostWorker> = {}): this {
    this.nowMs += 10;
    const who = { peer: `peer-${slot}`, name: `local-${slot}`, host: 'box', pid: 100 + slot };
    const words = { said: null, stack: '', log: [] };
    const report: Report = { type: 'worker', slot, status: 'gone', detail, lost: { ...who, ...words, ...lost } };
    this.failures.observe(report, this.progress);
    return this;
  }

  said(slot: number, said: string, log: readonly string[] = []): this {
    const detail = `worker ${slot} (pid ${100 + slot} on box): ${said}`;
    return this.gone(slot, detail, { said, stack: `Error: ${said}\n    at x${slot}`, log });
  }

  ended(peer: string, name: string, end: Partial<UnaskedEnd> = {}): this {
    this.nowMs += 10;
    const unasked = { name, pid: 7, how: 'ended by SIGKILL', said: null, stack: '', log: [], ...end };
    this.failures.ended({ type: 'worker-gone', peer, reason: '', unasked }, this.progress);
    return this;
  }

  get lines(): readonly string[] {
    const event = this.failures.event('runs/a', this.progress);
    return event === null ? [] : failureLines(event);
  }
}

const LAST = 'all of it: lockstep logs --run runs/a';

describe('the end of a run that fails', () => {
  it('names the first worker to fail, and collapses those that said the same but for numbers and paths', () => {
    const story = new Story().said(3, 'cannot map /dev/shm/a17 at 0x7f00: 12 bytes', ['one', 'two']);
    for (const slot of [0, 1, 2, 7]) story.said(slot, `cannot map /dev/shm/b${slot} at 0x7f0${slot}: 1${slot} bytes`);
    story.said(5, 'out of paper').said(6, 'out of paper');
    expect(story.lines).toEqual([
      'first to fail: worker 3 (local-3, pid 103 on box) at 06:00:00.010Z: cannot map /dev/shm/a17 at 0x7f00: 12 bytes',
      '    Error: cannot map /dev/shm/a17 at 0x7f00: 12 bytes',
      '        at x3',
      'its log ended with:',
      '    one',
      '    two',
      'workers 0-2, 7 said the same',
      'workers 5-6: out of paper',
      LAST,
    ]);
  });

  it('says nothing where no worker failed', () => {
    const failures = new Story();
    failures.failures.observe({ type: 'worker', slot: 0, status: 'left', detail: 'drained' }, failures.progress);
    expect(failures.lines).toEqual([]);
  });

  it('takes one worker for one, though its connection, its process and its log all tell of it', () => {
    const story = new Story()
      .gone(0, 'worker 0 (pid 100 on box): the connection broke')
      .gone(1, 'the connection broke');
    story.ended('peer-0', 'local-0', { said: 'it broke', stack: 'Error: it broke', log: ['last'] });
    expect(story.lines).toEqual([
      'first to fail: worker 0 (local-0, pid 100 on box) at 06:00:00.010Z: it broke',
      '    Error: it broke',
      'its log ended with:',
      '    last',
      'worker 1: the connection broke',
      LAST,
    ]);
  });

  it('counts a worker that fails again and again once, by its name where it never had a number', () => {
    const story = new Story().ended('a', 'local-0').ended('b', 'local-1').ended('c', 'local-0').ended('d', 'local-1');
    expect(story.lines[0]).toMatch(/^first to fail: worker local-0 \(local-0, pid 7 on .*, 2 times: ended by SIGKILL$/);
    expect(story.lines.slice(1)).toEqual(['worker local-1 said the same', LAST]);
  });

  it('does not blame a worker that is there again', () => {
    const story = new Story().gone(0, 'the connection broke').said(1, 'out of paper');
    const back = { slot: 0, peer: 'peer-0' };
    story.progress = { ...story.progress, workers: new Map([['peer-0', back]]) };
    expect(story.lines[0]).toMatch(/^first to fail: worker 1 /);
    story.failures.observe({ type: 'worker', slot: 0, status: 'preparing', detail: '' }, story.progress);
    story.progress = { ...story.progress, workers: new Map<never, never>() };
    expect(story.said(0, 'later').lines).toContain('worker 0: later');
    expect(story.lines[0]).toMatch(/^first to fail: worker 1 /);
  });

  it('does not go back to what the run has got over, nor to what its end has brought about', () => {
    const story = new Story().said(0, 'long ago');
    story.progress = { ...story.progress, committed: 50 };
    expect(story.lines[0]).toMatch(/long ago/);
    story.nowMs += 3_600_000;
    expect(story.lines).toEqual([]);
    expect(story.said(1, 'now').lines[0]).toMatch(/: now$/);
    story.progress = { ...story.progress, phase: { name: 'ended' } };
    expect(story.ended('peer-2', 'local-2', { said: 'the run has failed: now' }).lines).toEqual([
      expect.stringMatching(/: now$/),
      '    Error: now',
      '        at x1',
      LAST,
    ]);
  });

  it('shows text of other machines as text', () => {
    const story = new Story().gone(0, '', { said: 'a\u001b[2J', stack: 'S\u0007', log: ['\u009bl'], host: 'h\u001b' });
    expect(story.lines.join('\n')).not.toMatch(/[\u001b\u0007\u009b]/);
  });
});
