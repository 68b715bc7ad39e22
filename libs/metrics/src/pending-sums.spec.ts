import { describe, expect, it } from 'vitest';
import { PendingSums } from './pending-sums.js';

function drained(sums: PendingSums<string>): unknown[] {
  const all: unknown[] = [];
  sums.drain((...sum) => all.push(sum));
  return all;
}

describe('sums that wait', () => {
  it('are one for each series, and handed over once', () => {
    const sums = new PendingSums<string>();
    sums.add('bytes', { direction: 'in', kind: 'mean' }, 2);
    sums.add('bytes', { direction: 'in', kind: 'control' }, 3);
    sums.add('bytes', { direction: 'in', kind: 'mean' }, 0.5);
    sums.add('steps', {}, 1);
    expect(drained(sums)).toEqual([
      ['bytes', { direction: 'in', kind: 'mean' }, 2.5],
      ['bytes', { direction: 'in', kind: 'control' }, 3],
      ['steps', {}, 1],
    ]);
    expect(drained(sums)).toEqual([]);
    sums.add('steps', {}, 4);
    expect(drained(sums)).toEqual([['steps', {}, 4]]);
  });

  it('keep no object of whoever adds', () => {
    const sums = new PendingSums<string>();
    const labels = { worker: 1 };
    sums.add('tokens', labels, 1);
    labels.worker = 2;
    sums.add('tokens', labels, 1);
    expect(drained(sums)).toEqual([
      ['tokens', { worker: 1 }, 1],
      ['tokens', { worker: 2 }, 1],
    ]);
  });
});
