import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalLine } from './journal-line.js';
import { openJournal } from './journal.js';
import { readHistory } from './run-history.js';
import { refusalOf } from './testing/refusal.js';
import { journalText, planLine, stepLine, termLine } from './testing/sample-lines.js';
import { scratchFolder } from './testing/scratch.js';

function journalOf(lines: readonly object[], tail = ''): string {
  const path = join(scratchFolder(), 'journal.ndjson');
  writeFileSync(path, journalText(lines) + tail);
  return path;
}

/** Two lives of a run of five steps; the plan changes before step 4. */
const RUN: readonly JournalLine[] = [
  termLine(1),
  planLine(1),
  stepLine(1),
  stepLine(2, { weightsDigest: '0123456789abcdef' }),
  stepLine(3),
  termLine(2, { step: 3 }),
  planLine(4, { shards: [[0, 64]] }),
  stepLine(4, { term: 2 }),
  stepLine(5, { term: 2 }),
];

const OTHER = journalText([termLine(1, { host: 'there' }), planLine(1), stepLine(1)]).split('\n');

describe('the history of a run', () => {
  it('tells the term, the plans in force and every step', async () => {
    const history = await readHistory(journalOf(RUN));
    expect([history.term, history.lives.length, history.tornTail]).toEqual([2, 2, null]);
    expect(history.plans).toEqual([
      {
        fromStep: 1,
        shards: [
          [0, 32],
          [32, 64],
        ],
      },
      { fromStep: 4, shards: [[0, 64]] },
    ]);
    expect(history.steps).toEqual(RUN.filter(({ kind }) => kind === 'step'));
  });

  it('is empty for a journal without lines', async () => {
    const nothing = { term: 0, lives: [], plans: [], steps: [], lastSum: '0000000000000000', tornTail: null };
    expect(await readHistory(journalOf([]))).toEqual(nothing);
  });

  it('forgets a plan that no step used when a later life decides anew', async () => {
    const anew = [termLine(3, { step: 5 }), planLine(6), termLine(4, { step: 5 }), planLine(6, { shards: [[0, 8]] })];
    const { plans } = await readHistory(journalOf([...RUN, ...anew]));
    expect(plans.map(({ fromStep }) => fromStep)).toEqual([1, 4, 6]);
    expect(plans.at(-1)?.shards).toEqual([[0, 8]]);
  });

  it.each<[what: string, lines: readonly object[], reason: string]>([
    ['a step is missing', [...RUN, stepLine(7, { term: 2 })], 'line 10: step 7 stands where step 6 must'],
    ['a step stands twice', [...RUN, stepLine(5, { term: 2 })], 'line 10: step 5 stands where step 6 must'],
    ['the first step is not 1', [...RUN.slice(0, 2), stepLine(2)], 'line 3: step 2 stands where step 1 must'],
    ['a term comes back', [...RUN, termLine(2)], 'line 10: term 2 does not come after term 2'],
    ['a step is of a later term', [...RUN, stepLine(6, { term: 3 })], 'line 10: step 6 is of term 3, which has not'],
    ['a step comes before any life', [planLine(1), stepLine(1)], 'line 2: step 1 is of term 1, which has not begun'],
    ['a step has no plan', [termLine(1), stepLine(1)], 'line 2: step 1 has no plan'],
    ['a plan is for a committed step', [...RUN, planLine(5)], 'line 10: its plan is for step 5, which is committed'],
    ['a line has no kind', [...RUN, { step: 6 }], 'line 10: kind: '],
    ['a line lacks a field', [...RUN, { ...stepLine(6), loss: null }], 'line 10: loss: '],
    ['a digest is none', [...RUN, stepLine(6, { shardDigests: ['abc'] })], 'line 10: shardDigests.0: not a digest'],
  ])('is refused when %s', async (_, lines, reason) => {
    const path = journalOf(lines);
    const refusal = await refusalOf(readHistory(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', expect.stringContaining(`${path}: ${reason}`)]);
  });

  it.each<[what: string, harm: (lines: string[]) => void, lineNumber: number]>([
    ['a number was altered', (lines) => lines.splice(2, 1, (lines[2] ?? '').replace('6400', '6401')), 3],
    ['the first line was altered', (lines) => lines.splice(0, 1, (lines[0] ?? '').replace('here', 'away')), 1],
    ['the last line was altered', (lines) => lines.splice(8, 1, (lines[8] ?? '').replace('6400', '6401')), 9],
    ['a checksum was altered', (lines) => lines.splice(3, 1, (lines[3] ?? '').replace(/.{4}"}$/, 'abcx"}')), 4],
    ['a line says the same in another order of bytes', (lines) => lines.splice(4, 1, ` ${lines[4]}`), 5],
    ['a life is missing, which no step tells', (lines) => lines.splice(5, 1), 6],
    ['the first line is missing', (lines) => lines.splice(0, 1), 1],
    ['two lines have changed places', (lines) => lines.splice(5, 2, lines[6] ?? '', lines[5] ?? ''), 6],
    ['a line stands twice', (lines) => lines.splice(6, 0, lines[6] ?? ''), 8],
    ['a line of another journal stands there', (lines) => lines.splice(2, 1, OTHER[2] ?? ''), 3],
    ['a line has no checksum', (lines) => lines.splice(6, 1, JSON.stringify(RUN[6])), 7],
  ])('is refused when %s, and nothing is written', async (_, harm, lineNumber) => {
    const lines = journalText(RUN).trimEnd().split('\n');
    harm(lines);
    const path = journalOf([], `${lines.join('\n')}\n`);
    const before = readFileSync(path, 'utf8');
    for (const reading of [readHistory(path), openJournal(path)]) {
      const refusal = await refusalOf(reading);
      expect([refusal.exitCode, refusal.message]).toEqual([
        65,
        expect.stringMatching(new RegExp(`: line ${lineNumber}: it(s checksum does not fit| has no checksum)`)),
      ]);
    }
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('is refused when any one byte of a line before the last is another', async () => {
    const whole = Buffer.from(journalText(RUN));
    const path = journalOf([]);
    // Without the end of that line: the two would be one, torn by a crash for all that anybody can tell.
    const lastAt = whole.lastIndexOf(0x0a, whole.length - 2) - 1;
    await fc.assert(
      fc.asyncProperty(fc.nat(lastAt), fc.integer({ min: 1, max: 255 }), async (at, flips) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ flips;
        writeFileSync(path, bytes);
        expect((await refusalOf(readHistory(path))).message).toMatch(/: line \d: /);
      }),
    );
  });

  it('cut at any byte is that of the whole lines before, and goes on from there', async () => {
    const whole = journalText(RUN);
    const path = journalOf([]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (length) => {
        writeFileSync(path, whole.slice(0, length));
        const left = RUN.slice(0, whole.slice(0, length).split('\n').length - 1);
        const torn = await readHistory(path);
        const journal = await openJournal(path);
        await Promise.all(RUN.slice(left.length).map((line) => journal.append(line)));
        await journal.close();
        expect(torn.steps).toEqual(left.filter(({ kind }) => kind === 'step'));
        expect(torn.lives).toEqual(left.filter(({ kind }) => kind === 'term'));
        expect(await readHistory(path)).toEqual(await readHistory(journalOf(RUN)));
      }),
    );
  });
});
