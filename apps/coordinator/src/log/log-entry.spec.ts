import { describe, expect, it } from 'vitest';
import { isAtLeast } from './levels.js';
import { LogParser, mergeByTime } from './log-entry.js';
import type { LogEntry } from './log-entry.js';
import { ProcessLog } from './process-log.js';
import { briefLine, jsonLine, LogRenderer } from './render.js';

const AT = '2026-05-01T06:15:02.123Z';
const record = (fields: object): string => JSON.stringify({ level: 'info', time: AT, pid: 7, msg: 'hello', ...fields });

function read(...lines: readonly string[]): readonly LogEntry[] {
  const parser = new LogParser('worker-0');
  return lines.map((line) => parser.read(line)).filter((entry) => entry !== null);
}

const levelsAndTexts = (entries: readonly LogEntry[]): string[] =>
  entries.map(({ level, message }) => `${level} ${message}`);

describe('a line of a log', () => {
  it('is a record that the process wrote, as it was said', () => {
    const lines: string[] = [];
    const log = new ProcessLog({ process: 'worker', name: 'local-0', run: 'r' }, 'info', (line) => lines.push(line));
    log.say('debug', 'not at this level');
    log.say('warn', 'careful', { step: 3, shard: 1 });
    log.addIdentity({ worker: 2 });
    log.say('error', 'it broke', { err: new Error('why') });
    const [careful, broke] = read(...lines);
    expect(careful).toMatchObject({ level: 'warn', message: 'careful', step: 3, pid: process.pid, stack: [] });
    expect(careful?.record).toMatchObject({ process: 'worker', name: 'local-0', run: 'r', shard: 1 });
    expect(broke?.record).toMatchObject({ worker: 2 });
    expect(broke?.stack[0]).toBe('Error: why');
    expect(broke?.stack[1]).toMatch(/^ +at .*log-entry\.spec/);
    expect(Math.abs((broke?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it.each(['free(): invalid pointer', '{"half":', '{"level":"info"}', '{"level":9}', '[1]', '{}', 'null', '{"a":1}x'])(
    'is raw when it is no record: %s',
    (line) => {
      expect(read(record({}), line)[1]).toMatchObject({ level: 'raw', message: line, record: null });
      expect(read(record({}), line)[1]?.timeMs).toBe(Date.parse(AT));
    },
  );

  it('is left out when it says again what the last failure has said', () => {
    const stack = 'Error: it broke\n    at here (a.js:1)';
    const entries = read(
      record({ level: 'error', msg: 'it broke', err: { stack } }),
      record({ level: 'fatal', msg: 'it broke; mend it' }),
      'lockstep: it broke; mend it',
      ...stack.split('\n'),
      'something else',
    );
    expect(levelsAndTexts(entries)).toEqual(['error it broke', 'fatal it broke; mend it', 'raw something else']);
  });
});

describe('levels', () => {
  it('let through what matters as much or more; raw lines matter as warnings do', () => {
    const shown = (least: 'debug' | 'info' | 'warn' | 'error'): string[] =>
      (['debug', 'info', 'warn', 'raw', 'error', 'fatal'] as const).filter((level) => isAtLeast(level, least));
    expect(shown('debug')).toEqual(['debug', 'info', 'warn', 'raw', 'error', 'fatal']);
    expect(shown('info')).toEqual(['info', 'warn', 'raw', 'error', 'fatal']);
    expect(shown('warn')).toEqual(['warn', 'raw', 'error', 'fatal']);
    expect(shown('error')).toEqual(['error', 'fatal']);
  });
});

describe('entries of several files', () => {
  it('come by time, raw lines behind the record they came after', () => {
    const at = (seconds: number): object => ({ time: new Date(1000 * seconds).toISOString() });
    const one = read(record({ ...at(1), msg: 'a1' }), 'raw after a1', record({ ...at(4), msg: 'a4' }));
    const two = read(record({ ...at(2), msg: 'b2' }), record({ ...at(3), msg: 'b3' }), record({ ...at(5), msg: 'b5' }));
    const merged = mergeByTime([two, one]).map(({ message }) => message);
    expect(merged).toEqual(['a1', 'raw after a1', 'b2', 'b3', 'a4', 'b5']);
  });
});

describe('what people see of an entry', () => {
  const [entry] = read(record({ level: 'error', step: 4, msg: 'a\u001b[2Jb', err: { stack: 'E: a\n  at \u0007x' } }));

  it('is one aligned line and its stack, with the day before the first, and nothing that moves a cursor', () => {
    const renderer = new LogRenderer(false);
    const line = '06:15:02.123Z error worker 0     step 4: a\\u001b[2Jb';
    const stack = ['    E: a', '      at \\u0007x'];
    expect(renderer.lines(entry)).toEqual(['-- 2026-05-01 --', line, ...stack]);
    expect(renderer.lines(entry)).toEqual([line, ...stack]);
    expect(briefLine(entry)).toBe('06:15:02.123Z error step 4: a\\u001b[2Jb');
  });

  it('has colours only where they are asked for, around the level and the stack', () => {
    expect(new LogRenderer(true).lines(entry)[1]).toContain(' \u001b[31merror\u001b[39m worker 0 ');
  });

  it('is one JSON object for programs, also of a raw line', () => {
    expect(JSON.parse(jsonLine(entry))).toMatchObject({ log: 'worker-0', level: 'error', time: AT, step: 4 });
    const [, raw] = read(record({}), 'noise');
    expect(JSON.parse(jsonLine(raw))).toEqual({ log: 'worker-0', level: 'raw', time: AT, msg: 'noise' });
  });
});
