/** The program that runs oneDNN's primitives, compiled here against the library and headers of its wheels. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../../tools/command.mjs';
import type { Entry } from '../rounds.js';
import type { StepJob } from '../step-job.js';
import type { SuiteContext } from '../suite.js';
import { ensureVenv } from './venv.js';
import { messageOf, threadEnvironment } from './plans.js';

const SOURCE = fileURLToPath(new URL('./step_onednn.cpp', import.meta.url));
const COMPILE_DEADLINE_MS = 5 * 60_000;
const WHEELS = ['onednn-cpu-gomp==2023.2.0', 'onednn-devel-cpu-gomp==2023.2.0'];

/** Compiles it into the scratch folder; it needs a C++ compiler, in `$CXX` or named g++. */
export async function oneDnnEntry(context: SuiteContext, job: StepJob): Promise<Entry> {
  const name = 'onednn';
  try {
    const folder = await ensureVenv({ name: 'onednn-2023.2.0', installs: [['--no-deps', ...WHEELS]] }, context.say);
    const program = join(context.scratch, 'step_onednn');
    const compiler = process.env['CXX'] ?? 'g++';
    const flags = ['-O3', '-march=native', '-std=c++17', `-I${join(folder, 'include')}`, `-L${join(folder, 'lib')}`];
    const args = [...flags, SOURCE, '-o', program, '-ldnnl', `-Wl,-rpath,${join(folder, 'lib')}`, '-lgomp'];
    const { exitCode, output } = await run(compiler, args, { cwd: context.scratch, deadlineMs: COMPILE_DEADLINE_MS });
    if (exitCode !== 0) throw new Error(`${compiler} failed: ${output.trim().split('\n')[0] ?? ''}`);
    const { vocabularySize, embedding, units, rows, sequenceLength, repeats, weightsFile, idsFile, threads } = job;
    const numbers = [vocabularySize, embedding, units, rows, sequenceLength, repeats].map(String);
    const command = [program, weightsFile, idsFile, ...numbers] as const;
    return { plan: { name, command, env: threadEnvironment(threads) } };
  } catch (error) {
    return { name, missing: messageOf(error) };
  }
}
