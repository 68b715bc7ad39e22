/**
 * Engines that were found, loaded and have computed rightly: in a process of its own, where a crash (a library for
 * another processor, say) harms nobody and an engine that is passed over leaves nothing behind.
 */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { LockstepError } from '@lockstep/config';

import { runChild } from './child.js';
import type { DeviceRequest, EngineChoice, EngineFound, EngineProblem } from './engine.js';
import { engineEnvironment } from './environment.js';
import { candidates, findNamed } from './find.js';
import type { FindNeeds } from './find.js';
import { LOAD_DEADLINE_MS } from './limits.js';

/** Compiled, whichever way this file is run: a fresh Node takes no TypeScript. */
const CHILD = join(import.meta.dirname, '..', 'dist', 'prove-child.js');

/** How the child begins the lines with its result, on an output that libraries write to as well. */
export const ANSWER = 'lockstep-engine';

export interface ProvenEngine {
  readonly found: EngineFound;
  /** For people: `onednn 3.2.0 (AVX-512), fused lbr_gru`. */
  readonly label: string;
  /** Faster engines that were found here and do not compute rightly. */
  readonly broken: readonly EngineProblem[];
}

/**
 * Finds the fastest engine that passes its self-check on the CPU; a choice other than `auto` must pass it.
 * @throws LockstepError `unavailable` when none does, with the first reason
 */
export async function findProvenEngine(
  choice: EngineChoice,
  needs: Omit<FindNeeds, 'device'> & { readonly signal?: AbortSignal },
): Promise<ProvenEngine> {
  const device = { kind: 'cpu' } as const;
  const broken: EngineProblem[] = [];
  const missing: EngineProblem[] = [];
  for (const name of candidates(choice, device)) {
    const found = await findNamed(name, { ...needs, device });
    if ('reason' in found) {
      missing.push(found);
      continue;
    }
    const proof = await proveEngine(found, device, needs.signal);
    if ('label' in proof) {
      const passedOver = missing[0];
      const isLast = found.name === 'wasm' && passedOver !== undefined;
      return { found: isLast ? { ...found, passedOver } : found, label: proof.label, broken };
    }
    broken.push(proof);
  }
  const problem = broken[0] ?? missing[0] ?? { reason: 'there is no engine', advice: 'run npm install' };
  throw new LockstepError('unavailable', problem.reason, problem.advice);
}

/** Loads an engine in a process of its own and checks its arithmetic there. */
export async function proveEngine(
  found: EngineFound,
  device: DeviceRequest,
  signal?: AbortSignal,
): Promise<{ readonly label: string } | EngineProblem> {
  const answers = new Map<string, string>();
  const end = await runChild(process.execPath, [CHILD, JSON.stringify({ found, device })], {
    deadlineMs: LOAD_DEADLINE_MS,
    signal,
    environment: engineEnvironment({ threads: availableParallelism(), device }),
    onLine: (line) => {
      const [start = '', name = '', ...words] = line.split(' ');
      if (start === ANSWER) answers.set(name, words.join(' '));
    },
  });
  const [label, reason, advice] = ['label', 'reason', 'advice'].map((name) => answers.get(name));
  if (label !== undefined && end.how === 'done') return { label };
  if (reason !== undefined && advice !== undefined) return { reason, advice };
  const words = end.tail.at(-1) ?? (end.how === 'failed' ? 'its process crashed' : end.how);
  return {
    reason: `the ${found.name} engine in ${found.folder} does not get through its self-check: ${words}`,
    advice: 'install it again, or choose another engine',
  };
}
