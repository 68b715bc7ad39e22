/** The programs an install needs, looked for before anything is downloaded. */

import { createRequire } from 'node:module';

import { LockstepError } from '@lockstep/config';

import type { Build } from './builds.js';
import { runChild } from './child.js';
import { PROBE_DEADLINE_MS } from './limits.js';

/** The file name by which the system's loader finds it. */
export const OPEN_MP = 'libgomp.so.1';
export const OPEN_MP_ADVICE = `install ${OPEN_MP} (Debian: apt install libgomp1; Fedora: dnf install libgomp)`;

export interface Tool {
  readonly program: string;
  /** Arguments that belong to the program, as in `CXX="ccache g++"`. */
  readonly args: readonly string[];
  /** First line of what it says about itself. */
  readonly version: string;
}

/**
 * Finds a Python 3 that has pip; which version does not matter, the wheel is only fetched and opened by it.
 * @throws LockstepError `unavailable` that names which of the two is missing
 */
export async function findPython(
  { engine, title }: Pick<Build, 'engine' | 'title'>,
  signal?: AbortSignal,
): Promise<Tool> {
  const python = await firstThatAnswers(
    [['python3'], ['python']],
    ['-c', 'import sys; assert sys.version_info >= (3, 8); print("Python", sys.version.split()[0])'],
    signal,
  );
  if (python === undefined) {
    throw new LockstepError(
      'unavailable',
      `installing the ${engine} engine needs Python 3.8 or newer to fetch ${title}, and there is no python3`,
      'install python3 and pip (Debian: apt install python3-pip), or go on with the wasm engine',
    );
  }
  const pip = await runChild(python.program, ['-m', 'pip', '--version'], { deadlineMs: PROBE_DEADLINE_MS, signal });
  if (pip.how !== 'done') {
    throw new LockstepError(
      'unavailable',
      `installing the ${engine} engine needs pip, and ${python.program} has none: ${pip.tail.at(-1) ?? pip.how}`,
      'install pip (Debian: apt install python3-pip; elsewhere: python3 -m ensurepip), or go on with the wasm engine',
    );
  }
  return { ...python, version: `${python.version}, ${(pip.tail[0] ?? 'pip').replace(/ from .*/, '')}` };
}

/**
 * Finds a C++ compiler: `$CXX`, and nothing else, where it is set.
 * @throws LockstepError `unavailable` when there is none
 */
export async function findCompiler(signal?: AbortSignal): Promise<Tool> {
  const asked = (process.env['CXX'] ?? '').split(/\s+/).filter((word) => word !== '');
  const candidates = asked.length > 0 ? [asked] : [['c++'], ['g++'], ['clang++']];
  const compiler = await firstThatAnswers(candidates, ['--version'], signal);
  if (compiler !== undefined) return compiler;
  throw new LockstepError(
    'unavailable',
    asked.length > 0
      ? `CXX is set to "${asked.join(' ')}", which does not run`
      : 'installing the tensorflow engine needs a C++ compiler, and there is no c++, g++ or clang++',
    asked.length > 0
      ? 'set CXX to a C++ compiler, or unset it'
      : 'install one (Debian: apt install g++), or go on with the wasm engine',
  );
}

/**
 * Finds GCC's OpenMP, which oneDNN computes with and no wheel brings; asked in a process of its own.
 * @throws LockstepError `unavailable` when there is none
 */
export async function findOpenMp(signal?: AbortSignal): Promise<Tool> {
  const koffi = createRequire(import.meta.url).resolve('koffi');
  const args = ['-e', 'require(process.argv[1]).load(process.argv[2])', koffi, OPEN_MP];
  const end = await runChild(process.execPath, args, { deadlineMs: PROBE_DEADLINE_MS, signal });
  if (end.how === 'done') return { program: OPEN_MP, args: [], version: OPEN_MP };
  throw new LockstepError(
    'unavailable',
    `the onednn engine needs ${OPEN_MP}, and this system has none`,
    `${OPEN_MP_ADVICE}, or go on with the wasm engine`,
  );
}

async function firstThatAnswers(
  candidates: readonly string[][],
  question: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Tool | undefined> {
  for (const [program, ...args] of candidates) {
    if (program === undefined) continue;
    const end = await runChild(program, [...args, ...question], { deadlineMs: PROBE_DEADLINE_MS, signal });
    if (end.how === 'done') return { program, args, version: end.tail[0] ?? program };
  }
  return undefined;
}
