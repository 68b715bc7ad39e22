/** Where a native build can run at all, asked before anything is downloaded or loaded. */

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { Build } from './builds.js';
import type { EngineProblem } from './engine.js';
import { instructionSet } from './instruction-set.js';
import { GLIBC_MINIMUM, wheelSet } from './pins.js';

export interface Platform {
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  /** Undefined where the C library is another one. */
  readonly glibc: string | undefined;
  /** Instruction set extensions, as Linux spells them. */
  readonly flags: readonly string[];
}

/** Why a build of ours cannot run on a platform, or undefined when nothing speaks against it. */
export function platformProblem(build: Build, on: Platform = thisPlatform()): EngineProblem | undefined {
  const { platform, arch, glibc, flags } = on;
  const advice = build.gpu ? 'use a machine with Linux on x64' : 'use the wasm engine here';
  const engine = `the ${build.engine} engine`;
  if (wheelSet(build, platform, arch) === undefined) {
    const what = build.gpu ? `GPU build of ${engine}` : build.engine + ' engine';
    return { reason: `there is no ${what} for ${platform} on ${arch}`, advice };
  }
  if (glibc === undefined || olderThan(glibc, GLIBC_MINIMUM)) {
    const found = glibc === undefined ? 'another C library (musl)' : `glibc ${glibc}`;
    return { reason: `${engine} needs glibc ${GLIBC_MINIMUM} or newer, this system has ${found}`, advice };
  }
  // TensorFlow ends the process without AVX; oneDNN's fast kernels begin with AVX2.
  const wanted = build.engine === 'onednn' ? 'avx2' : 'avx';
  if (arch === 'x64' && !flags.includes(wanted)) {
    return { reason: `${engine} needs a processor with ${wanted.toUpperCase()}`, advice };
  }
  return undefined;
}

/** What is installed where nothing else is asked for: the fastest that runs here. */
export function bestBuild(gpu: boolean): Build {
  return gpu || platformProblem(ONEDNN_BUILD) !== undefined ? tensorflowBuild(gpu) : ONEDNN_BUILD;
}

function thisPlatform(): Platform {
  const { platform, arch } = process;
  return { platform, arch, glibc: glibcVersion(), flags: instructionSet().flags };
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
