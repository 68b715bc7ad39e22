import { expect, it } from 'vitest';
import { bugs } from './bugs.js';
import { testPlantedBugs } from './planted-suite.js';
import { runSuite } from './run-suite.js';

testPlantedBugs(1);

it('the same suites pass when nothing is planted', async () => {
  const files = [...new Set(bugs.flatMap(({ suite }) => (suite.tests === undefined ? suite.files : [])))];
  const { passed, failures, broken, planted, output } = await runSuite({ files }, '');
  expect({ failures, broken, planted }, output).toEqual({ failures: [], broken: [], planted: [] });
  expect(passed).toBeGreaterThan(50);
});
