import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openFaultPoints } from './fault-points.js';
import type { FaultPoint } from './fault-points.js';

function logFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-faults-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'faults.log');
}

function open(faults: string, log: string, worker = '0'): FaultPoint {
  const point = openFaultPoints({ LOCKSTEP_FAULTS: faults, LOCKSTEP_FAULTS_LOG: log }, worker);
  if (point === undefined) throw new Error('no fault points');
  return point;
}

const linesOf = (log: string): readonly string[] => readFileSync(log, 'utf8').trimEnd().split('\n');

describe('fault points', () => {
  it('are not there unless asked for', () => {
    expect(openFaultPoints({}, '0')).toBeUndefined();
    expect(openFaultPoints({ LOCKSTEP_FAULTS: '' }, '0')).toBeUndefined();
    expect(() => openFaultPoints({ LOCKSTEP_FAULTS: 'W6:kill' }, '0')).toThrow('without a log');
  });

  it('strike as often as asked, all processes taken together, and say so', () => {
    const log = logFile();
    const [first, second] = [open('W5:times=2:throw', log, '0'), open('W5:times=2:throw', log, '1')];
    expect(() => first('W4', { step: 1 })).not.toThrow();
    expect(() => first('W5', { step: 2, shard: 1 })).toThrow('a fault was asked for at W5');
    expect(() => second('W5', { step: 3 })).toThrow('a fault was asked for at W5');
    for (const point of [first, second, open('W5:times=2:throw', log)]) expect(() => point('W5', {})).not.toThrow();
    expect(linesOf(log)).toEqual([
      expect.stringMatching(`^W5 step=2 shard=1 worker=0 fault=0 pid=${process.pid} at=\\d+ action=throw$`),
      expect.stringMatching(`^W5 step=3 worker=1 fault=0 pid=${process.pid} at=\\d+ action=throw$`),
    ]);
  });

  it('change values where there are some', () => {
    const values = () => Float32Array.of(1, 2, 3, 4);
    const changed = (action: string): Float32Array => {
      const vector = values();
      open(`W7:${action}`, logFile())('W7', { step: 0 }, vector);
      return vector;
    };
    expect([...changed('nan')]).toEqual([1, 2, NaN, 4]);
    expect([...changed('wrong')]).toEqual([1.5, 3, 4.5, 6]);
    const flipped = changed('flip');
    const differing = [...flipped].filter((value, index) => value !== values()[index]);
    expect(differing).toHaveLength(1);
    expect(differing.every(Number.isFinite)).toBe(true);
  });

  it('hold the thread up', () => {
    const startedMs = performance.now();
    open('C3:hang=80', logFile())('C3', { step: 0 });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(79);
  });
});
