import { describe, expect, it } from 'vitest';
import { WorkerNotes } from './worker-notes.js';

const LIMITS = { coordinator: 'tcp://10.0.0.1:5555', connectDeadlineMs: 30_000, awayLimitMs: 180_000 };

function written(notes: readonly string[]): string[] {
  const lines: string[] = [];
  const worker = new WorkerNotes(
    LIMITS,
    (line) => lines.push(line),
    () => 0,
  );
  for (const note of notes) worker.note(note);
  worker.end();
  return lines;
}

describe('what a worker says', () => {
  it('when it is disconnected names the coordinator, and what it does now', () => {
    const where = 'disconnected from the coordinator at tcp://10.0.0.1:5555 (the connection broke)';
    const broke = 'disconnected: the connection broke';
    expect(written([broke])).toEqual([`${where}; looks for it for up to 30 s`]);
    expect(written(['joined run r as worker 0', broke])[1]).toBe(
      `${where}; keeps its weights and looks for it for up to 180 s`,
    );
  });

  it('of messages that come too late is said once, with a count', () => {
    const stale = Array.from({ length: 50 }, (_, i) => `dropped update of conversation ${i}, which is over`);
    expect(written([...stale, 'joined run r as worker 0', 'dropped update, which came twice'])).toEqual([
      'dropped update of conversation 0, which is over',
      'joined run r as worker 0',
      'dropped update, which came twice',
      'dropped update of conversation 49, which is over (49 like this in the last minute)',
    ]);
  });
});
