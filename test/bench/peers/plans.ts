/** How a peer's program is started: which Python, which file, how many threads. */
import { fileURLToPath } from 'node:url';
import type { Entry } from '../rounds.js';
import type { SuiteContext } from '../suite.js';
import { pythonOf } from './peers.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Every library's own word for the same number. */
export function threadEnvironment(threads: number): Record<string, string> {
  const count = String(threads);
  return {
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: count,
    TF_CPP_MIN_LOG_LEVEL: '3',
    CUDA_VISIBLE_DEVICES: '-1',
  };
}

/** The first line of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split('\n')[0] ?? text;
}

/** @throws Error when the peer cannot be had */
export async function pythonProgram(
  peer: 'torch' | 'gloo' | 'keras',
  file: string,
  args: readonly string[],
  say: (line: string) => void,
): Promise<readonly [string, ...string[]]> {
  // -B: no compiled files beside the sources.
  return [await pythonOf(peer, say), '-B', `${FOLDER}${file}`, ...args];
}

/** A contestant that is one Python program, or why it cannot be had. */
export async function peerPlan(
  peer: 'torch' | 'gloo' | 'keras',
  file: string,
  args: readonly string[],
  { say }: Pick<SuiteContext, 'say'>,
  threads: number,
): Promise<Entry> {
  try {
    const command = await pythonProgram(peer, file, args, say);
    return { plan: { name: peer, command, env: threadEnvironment(threads) } };
  } catch (error) {
    return { name: peer, missing: messageOf(error) };
  }
}
