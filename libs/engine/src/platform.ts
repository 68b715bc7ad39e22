/** Where a native build can run at all, asked before anything is downloaded or loaded. */

import type { EngineProblem } from './engine.js';
import { instructionSet } from './instruction-set.js';
import { GLIBC_MINIMUM, wheelSet } from './pins.js';

/** Why our build of the tensorflow engine cannot run here, or undefined when nothing speaks against it. */
export function platformProblem(
  gpu: boolean,
  platform: string = process.platform,
  arch: string = process.arch,
  glibc: string | undefined = glibcVersion(),
): EngineProblem | undefined {
  const advice = gpu ? 'use a machine with Linux on x64' : 'use the wasm engine here';
  if (wheelSet(platform, arch, gpu) === undefined) {
    const what = gpu ? 'GPU build of the tensorflow engine' : 'tensorflow engine';
    return { reason: `there is no ${what} for ${platform} on ${arch}`, advice };
  }
  if (glibc === undefined || olderThan(glibc, GLIBC_MINIMUM)) {
    const found = glibc === undefined ? 'another C library (musl)' : `glibc ${glibc}`;
    return { reason: `the tensorflow engine needs glibc ${GLIBC_MINIMUM} or newer, this system has ${found}`, advice };
  }
  if (arch === 'x64' && platform === process.platform && !instructionSet().flags.includes('avx')) {
    return { reason: 'the tensorflow engine needs a processor with AVX', advice };
  }
  return undefined;
}

function glibcVersion(): string | undefined {
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined;
  const { header } = report;
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return undefined;
  return typeof header.glibcVersionRuntime === 'string' ? header.glibcVersionRuntime : undefined;
}

function olderThan(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split('.').map(Number);
  return major < minimumMajor || (major === minimumMajor && minor < minimumMinor);
}
