import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-reporter-'));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const reporter = fileURLToPath(new URL('./test-reporter.mjs', import.meta.url));

const samples = {
  'tests.spec.js': `
    it('passes', () => {});
    it('fails', () => { throw new Error('on purpose'); });
    it('skips with a reason', (context) => context.skip('needs a GPU'));
    it.skip('skips silently', () => {}); // on purpose`,
  'suite.spec.js': `
    describe('a suite', () => {
      beforeAll(() => { throw new Error('on purpose'); });
      it('never runs', () => {});
    });`,
  'broken.spec.js': "throw new Error('on purpose');",
  'stray.spec.js': "it('leaves a rejection behind', () => { void Promise.reject(new Error('on purpose')); });",
};

let report: { passed: number; failed: string[]; skipped: { name: string; reason: string }[] };

beforeAll(() => {
  for (const [name, text] of Object.entries(samples)) writeFileSync(join(folder, name), text);
  const file = join(folder, 'report.json');
  const args = ['run', '--root', folder, '--globals', '--reporter', reporter];
  const env = { ...process.env, LOCKSTEP_TEST_REPORT: file };
  const ended = spawnSync(process.execPath, [vitest, ...args], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  expect(ended.status, ended.stderr).toBe(1);
  report = JSON.parse(readFileSync(file, 'utf8')) as typeof report;
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the report of a test run', () => {
  it('counts what passed', () => {
    expect(report.passed).toBe(2);
  });

  it('names what failed, inside of a test or outside', () => {
    expect(report.failed.sort()).toEqual([
      'an error outside of any test',
      'broken.spec.js (outside its tests)',
      'suite.spec.js > a suite (outside its tests)',
      'tests.spec.js > fails',
    ]);
  });

  it('tells why a test was skipped', () => {
    expect(report.skipped).toContainEqual({ name: 'tests.spec.js > skips with a reason', reason: 'needs a GPU' });
    expect(report.skipped).toContainEqual({ name: 'tests.spec.js > skips silently', reason: 'no reason given' });
  });
});
