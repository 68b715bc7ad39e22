import { parseRunConfig } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { describe, expect, it } from 'vitest';
import { compare } from './comparison.js';
import type { LoadedRun } from './comparison.js';
import { comparisonText } from './terminal.js';

const CONFIG: RunConfig = parseRunConfig(
  {
    formatVersion: 2,
    text: { sources: ['somewhere/private/emma.txt'], sha256: 'a'.repeat(64), characters: 1_000 },
    ...{ vocabularySize: 10, vocabularyDigest: 'x', order: 'shuffled', validationFraction: 0 },
    ...{ batchSize: 8, sequenceLength: 20, embedding: 16, units: 32, init: 'torch', initFrom: null },
    ...{ optimizer: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, clipNorm: null, seed: 1 },
    ...{ shards: 2, wire: 'float32', engine: 'wasm', device: 'cpu', threads: 1, digestEvery: 1 },
  },
  'test',
);

interface Given {
  readonly name: string;
  readonly losses: readonly number[];
  readonly digests?: readonly (string | undefined)[];
  readonly seed?: number;
  readonly sha?: string;
}

function runOf({ name, losses, digests = [], seed = 1, sha }: Given): LoadedRun {
  const steps = losses.map((loss, index) => ({
    ...{ kind: 'step' as const, step: index + 1, epoch: 0, term: 1, loss, characters: 160, seconds: 0.5 },
    ...{ gradientNorm: 1, shardDigests: [] },
    ...(digests[index] === undefined ? {} : { weightsDigest: digests[index] }),
  }));
  const ended = { runId: 'r', steps: 0, characters: 0, epochMeanLoss: [], validationLoss: 1.5, charactersPerSecond: 1 };
  const summary = { ...ended, engine: 'wasm', workers: 1, shards: 1, wallSeconds: 1, weightsSha256: sha ?? '' };
  return {
    name,
    state: 'done',
    history: { steps },
    config: { ...CONFIG, seed },
    summary: sha === undefined ? null : summary,
  };
}

const falling = (count: number, from: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => from / (1 + index / 10));

describe('a comparison', () => {
  it('tells the latest and the best losses as means of 20 steps', () => {
    const losses = [
      ...Array.from({ length: 20 }, () => 2),
      ...Array.from({ length: 20 }, () => 1),
      ...Array.from({ length: 20 }, () => 3),
    ];
    const [run] = compare([runOf({ name: 'a', losses })]).runs;
    expect(run).toMatchObject({ steps: 60, charactersPerSecond: 320 });
    expect(run?.lastLoss).toBeCloseTo(3, 9);
    expect(run?.bestLoss).toBeCloseTo(1, 9);
  });

  it('takes what there is of a run that has hardly begun', () => {
    const { runs } = compare([runOf({ name: 'a', losses: [4, 2] }), runOf({ name: 'b', losses: [] })]);
    expect(runs.map(({ lastLoss, bestLoss }) => [lastLoss, bestLoss])).toEqual([
      [3, 3],
      [null, null],
    ]);
    expect(runs[1]).toMatchObject({ charactersPerSecond: null, weightsSha256: null });
  });

  it('names the settings that differ, for all runs, and no others', () => {
    const runs = [runOf({ name: 'a', losses: [] }), runOf({ name: 'b', losses: [], seed: 7 })];
    expect(compare(runs).differences).toEqual([{ name: 'seed', values: ['1', '7'] }]);
    expect(JSON.stringify(compare(runs))).not.toContain('private');
  });

  it('says from which step on bits differ', () => {
    const first = runOf({ name: 'a', losses: [3, 2, 1], digests: ['x', 'y', 'z'], sha: 'f'.repeat(64) });
    const same = runOf({ name: 'b', losses: [3, 2, 1], digests: ['x', 'y', 'z'], sha: 'f'.repeat(64) });
    const other = runOf({ name: 'c', losses: [3, 2, 1], digests: ['x', undefined, 'q'], sha: 'e'.repeat(64) });
    const shorter = runOf({ name: 'd', losses: [3, 2], digests: ['x', 'y'] });
    expect(compare([first, same, other, shorter]).runs.map(({ bits }) => bits)).toEqual([
      null,
      { sameUntil: 3, differsAt: null, sameWeights: true },
      { sameUntil: 1, differsAt: 3, sameWeights: false },
      { sameUntil: 2, differsAt: null, sameWeights: null },
    ]);
  });
});

describe('on the terminal', () => {
  const runs = [
    runOf({ name: 'one', losses: falling(300, 4), digests: ['x'], sha: 'f'.repeat(64) }),
    runOf({ name: 'two', losses: falling(500, 5), digests: ['y'], seed: 3, sha: 'e'.repeat(64) }),
  ];
  const text = comparisonText(compare(runs), { columns: 80, hasColour: false });

  it('fits its width, and shows each run by a letter', () => {
    const lines = text.split('\n');
    const chart = lines.slice(
      0,
      lines.findIndex((line) => line.startsWith('run ')),
    );
    expect(Math.max(...chart.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('a one   b two');
    expect(chart.join('\n')).toMatch(/┤.*a/);
    expect(chart.join('\n')).toMatch(/┤.*b/);
    expect(chart.join('\n')).toMatch(/100 .*200 .*300 .*400 .*500/);

    expect(text).not.toMatch(/\u001b/);
  });

  it('has the figures and the differences', () => {
    expect(text).toMatch(/one +done +300 +0\.1\d\d +0\.1\d\d +1\.500 +320 +ffffffffffff\n/);
    expect(text).toMatch(/two +done +500 .* eeeeeeeeeeee, other bits from step 1 on/);
    expect(text).toMatch(/seed +1 +3/);
  });

  it('colours lines where it can, and draws nothing where there is nothing', () => {
    expect(comparisonText(compare(runs), { columns: 80, hasColour: true })).toMatch(/\u001b\[/);
    const empty = comparisonText(compare([runOf({ name: 'a', losses: [] }), runOf({ name: 'b', losses: [] })]), {
      ...{ columns: 80, hasColour: false },
    });
    expect(empty).toContain('All runs have the same configuration.');
    expect(empty).not.toContain('┤');
  });
});
