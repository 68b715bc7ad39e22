import { describe, expect, it } from 'vitest';
import { compare } from './compare.js';
import { renderDocument } from './document.js';
import { mergeSuites } from './keep.js';
import type { Case, Row, SuiteResult } from './results.js';
import { suiteText } from './table.js';
import { judge, TARGETS } from './targets.js';

const row = (contestant: string, values: number[], missing: string | null = null): Row => {
  return { contestant, version: 'v1', values, missing, facts: {} };
};

const tutorial: Case = {
  name: 'tutorial',
  title: 'tutorial: 64 x 100',
  unit: 'ms a step',
  better: 'less',
  isRace: true,
  rows: [
    row('lockstep wasm', [900, 800, 1000]),
    row('lockstep onednn', [100, 110, 90]),
    row('torch', [200, 180, 220]),
    { ...row('keras', [], 'pip failed: no network'), version: '' },
  ],
};

function suite(changes: Partial<SuiteResult> = {}): SuiteResult {
  return {
    suite: 'step',
    title: 'One worker',
    at: '2026-11-23T12:00:00.000Z',
    command: 'npm run bench -- --suite step',
    rounds: 3,
    threads: 2,
    waitPolicy: 'passive',
    commit: 'abc1234',
    machine: {
      processor: 'A Processor',
      cores: 2,
      memoryGiB: 8,
      instructionSets: ['avx2'],
      governor: 'performance',
      system: 'Linux 6',
      node: 'v20',
      loadAtStart: 3.2,
      calibrationSpread: 0.4,
      isBusy: true,
    },
    cases: [tutorial],
    checks: [{ what: 'equal losses', ok: true, detail: '4.19 and 4.19 nats' }],
    ...changes,
  };
}

const targetOf = (id: string) => TARGETS.find((target) => target.id === id)!;

describe('a comparison', () => {
  it('lets the engine with the best median speak for lockstep', () => {
    const told = compare(tutorial).map(({ row: { contestant }, isLockstep, ratio }) => [
      contestant,
      isLockstep,
      ratio?.ofMedians,
    ]);
    expect(told).toEqual([
      ['lockstep wasm', false, 100 / 900],
      ['lockstep onednn', true, undefined],
      ['torch', false, 0.5],
      ['keras', false, undefined],
    ]);
  });

  it('has no ratios where rows do not compete', () => {
    expect(compare({ ...tutorial, isRace: false }).every(({ ratio }) => ratio === undefined)).toBe(true);
  });
});

describe('a verdict', () => {
  it('is met, missed, or open where a contestant is missing or nothing was run', () => {
    expect(judge(targetOf('step-torch'), [suite()])).toMatchObject({ outcome: 'met', value: 0.5 });
    expect(judge(targetOf('step-keras'), [suite()]).outcome).toBe('open');
    expect(judge(targetOf('workers-torch'), [suite()]).outcome).toBe('open');
    const slow = suite({ cases: [{ ...tutorial, rows: [row('lockstep onednn', [150]), row('torch', [200])] }] });
    expect(judge(targetOf('step-torch'), [slow])).toMatchObject({ outcome: 'missed', value: 0.75 });
  });

  it('takes at-least targets the other way round', () => {
    const rates = { ...tutorial, better: 'more' as const, rows: [row('lockstep train', [160]), row('torch', [100])] };
    const workers = suite({ suite: 'workers', cases: [rates] });
    expect(judge(targetOf('workers-torch'), [workers])).toMatchObject({ outcome: 'met', value: 1.6 });
  });

  it('holds a bound in its own unit against the median', () => {
    const start = { ...tutorial, name: 'start', rows: [row('lockstep train', [4, 6, 7])] };
    expect(judge(targetOf('path-start'), [suite({ suite: 'path', cases: [start] })])).toMatchObject({
      outcome: 'missed',
      value: 6,
    });
  });

  it('has an id of its own', () => {
    expect(new Set(TARGETS.map(({ id }) => id)).size).toBe(TARGETS.length);
  });
});

describe('the page', () => {
  const page = renderDocument({ suites: [suite()] }, { 'step-torch': 'never shown, it is met' });

  it('has targets, machine, tables and checks, and says that it is a draft', () => {
    expect(page).toContain("| one worker's step takes at most 0.65 x torch's | met (draft) | 0.50 | 0.41 - 0.61 |");
    expect(page).toContain('A Processor, 2 cores, 8 GiB, avx2;\ngovernor performance; Linux 6');
    expect(page).toContain('**DRAFT: the machine was busy (load 3.2 at the start, a fixed loop varied by 40 %)**');
    expect(page).toContain('| lockstep onednn (v1) * | 100 | 95.0 - 105 | 90.0 - 110 |  |  |');
    expect(page).toContain('| keras | missing: pip failed: no network |  |  |  |  |');
    expect(page).toContain('- ok: equal losses (4.19 and 4.19 nats)');
    expect(page).not.toContain('never shown');
    expect(page).toContain('| 1024 |');
  });

  it('explains what is missed, or says that nobody has yet', () => {
    const slow = suite({ cases: [{ ...tutorial, rows: [row('lockstep onednn', [150]), row('torch', [200])] }] });
    const says = targetOf('step-torch').says;
    expect(renderDocument({ suites: [slow] }, { 'step-torch': 'a reason' })).toContain(`- ${says}: a reason`);
    expect(renderDocument({ suites: [slow] }, {})).toContain(`- ${says}: no explanation yet.`);
  });

  it('is made of the newest figures of each suite', () => {
    const kept = { suites: [suite(), suite({ suite: 'path', commit: 'old' })] };
    const merged = mergeSuites(kept, { suites: [suite({ suite: 'path', commit: 'new' }), suite({ suite: 'scale' })] });
    expect(merged.suites.map(({ suite: name, commit }) => `${name} ${commit}`)).toEqual([
      'step abc1234',
      'path new',
      'scale abc1234',
    ]);
  });
});

describe('the table for a terminal', () => {
  it('has every row, and the reason where one is missing', () => {
    const text = suiteText(suite());
    for (const words of ['lockstep onednn (v1) *', 'missing: pip failed: no network', 'ok   equal losses']) {
      expect(text).toContain(words);
    }
  });
});
