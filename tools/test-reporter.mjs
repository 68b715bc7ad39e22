/**
 * A vitest reporter that writes what the summary of `npm test` needs to the file named by LOCKSTEP_TEST_REPORT.
 * vitest's own JSON report leaves out why a test was skipped.
 */
import { writeFileSync } from 'node:fs';

/**
 * @typedef {object} Report
 * @property {number} passed
 * @property {string[]} failed names of tests, and of files and suites that broke outside their tests
 * @property {{ name: string, reason: string }[]} skipped
 */

export default class TestReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env['LOCKSTEP_TEST_REPORT'];
    if (file === undefined) throw new Error('LOCKSTEP_TEST_REPORT does not name a file');
    writeFileSync(file, JSON.stringify(collect(modules, unhandledErrors)));
  }
}

/**
 * @param {readonly import('vitest/node').TestModule[]} modules
 * @param {readonly unknown[]} unhandledErrors
 * @returns {Report}
 */
function collect(modules, unhandledErrors) {
  /** @type {Report} */
  const report = { passed: 0, failed: unhandledErrors.map(() => 'an error outside of any test'), skipped: [] };
  for (const module of modules) {
    const path = module.relativeModuleId;
    if (module.errors().length > 0) report.failed.push(`${path} (outside its tests)`);
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) report.failed.push(`${path} > ${suite.fullName} (outside its tests)`);
    }
    for (const test of module.children.allTests()) {
      const name = `${path} > ${test.fullName}`;
      const result = test.result();
      if (result.state === 'passed') report.passed += 1;
      else if (result.state === 'skipped') report.skipped.push({ name, reason: result.note ?? 'no reason given' });
      // A test that never ended ("pending") has not passed.
      else report.failed.push(name);
    }
  }
  return report;
}
