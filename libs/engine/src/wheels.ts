/**
 * The steps that every build begins with, in a work folder: fetch the pinned wheels by pip, and take out of them what
 * the engine needs.
 */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import type { Build } from './builds.js';
import { runChild } from './child.js';
import type { ChildEnd, ChildNeeds } from './child.js';
import { explainFailure } from './failures.js';
import { DOWNLOAD_DEADLINE_MS, DOWNLOAD_SIZE, GPU_DOWNLOAD_DEADLINE_MS, UNPACK_DEADLINE_MS } from './limits.js';
import type { WheelSet } from './pins.js';
import type { Tool } from './tools.js';

export interface BuildJob {
  readonly build: Build;
  readonly wheelSet: WheelSet;
  readonly python: Tool;
  /** An empty folder; the build arises in `libraries` inside it. */
  readonly work: string;
  /** Steps it takes in all, as the progress counts them. */
  readonly steps: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** What is written in other languages than TypeScript. */
export const NATIVE_FOLDER = join(import.meta.dirname, '..', 'native');

/** The folder of the finished files of a job. */
export function librariesOf(job: Pick<BuildJob, 'work'>): string {
  return join(job.work, 'libraries');
}

/**
 * Fetches the wheels by pip, from the index pip is configured with; a wheel with another SHA-256 is refused by pip
 * itself.
 */
export async function downloadWheels(job: BuildJob): Promise<void> {
  const { title, version, gpu } = job.build;
  const wheels = join(job.work, 'wheels');
  const requirements = join(job.work, 'requirements.txt');
  const lines = job.wheelSet.wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`);
  await writeFile(requirements, lines.join(''));
  const size = DOWNLOAD_SIZE[job.build.engine][gpu ? 'gpu' : 'cpu'];
  job.onProgress(`1/${job.steps} fetching ${title} ${version}${gpu ? ' with CUDA' : ''} by pip (${size})`);
  // Without --platform and --abi pip would look for a wheel for its own Python; the libraries inside are the same for
  // all.
  const args = [
    ...['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--no-cache-dir'],
    ...['--progress-bar', 'off', '--timeout', '30', '--retries', '2'],
    ...['--no-deps', '--only-binary', ':all:', '--require-hashes'],
    ...['--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312'],
    ...job.wheelSet.platforms.flatMap((platform) => ['--platform', platform]),
    ...['--dest', wheels, '--requirement', requirements],
  ];
  // pip's temporary files belong on the same disk as the result: /tmp is often small.
  const temporary = join(job.work, 'pip');
  await mkdir(temporary);
  await runStep(job, `fetching ${title} by pip`, job.python.program, args, {
    deadlineMs: gpu ? GPU_DOWNLOAD_DEADLINE_MS : DOWNLOAD_DEADLINE_MS,
    environment: { TMPDIR: temporary },
  });
}

/** Takes libraries and headers out of the wheels. */
export async function unpackWheels(job: BuildJob): Promise<void> {
  job.onProgress(`2/${job.steps} unpacking the library`);
  const script = join(NATIVE_FOLDER, 'unpack.py');
  const args = [script, join(job.work, 'wheels'), librariesOf(job), join(job.work, 'headers')];
  await runStep(job, `unpacking ${job.build.title}`, job.python.program, args, { deadlineMs: UNPACK_DEADLINE_MS });
}

/** Paths of all finished files, as the manifest names them. */
export async function builtFiles(job: Pick<BuildJob, 'work'>): Promise<string[]> {
  const entries = await readdir(librariesOf(job), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(librariesOf(job), join(entry.parentPath, entry.name))).sort();
}

/**
 * Runs one program of a job.
 * @throws LockstepError `unavailable` with the program's last words
 */
export async function runStep(
  job: BuildJob,
  what: string,
  program: string,
  args: readonly string[],
  needs: Omit<ChildNeeds, 'signal' | 'onLine'>,
): Promise<ChildEnd> {
  const onLine = (line: string): void => job.onProgress(`  ${line}`);
  const end = await runChild(program, args, { ...needs, signal: job.signal, onLine });
  if (end.how !== 'done') throw explainFailure(what, end, job.work, needs.deadlineMs);
  return end;
}
