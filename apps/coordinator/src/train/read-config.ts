/** Reads config.json of a run that goes on. */
import { LockstepError, parseRunConfig } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { readFile } from 'node:fs/promises';

/** @throws LockstepError `data` when it is damaged, `config` naming the field that is wrong */
export async function readRunConfig(path: string): Promise<RunConfig> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = 'take it from a copy, or from the manifest of a checkpoint';
    throw new LockstepError('data', `${path} cannot be read: ${reason}`, hint, { cause });
  }
  return parseRunConfig(value, path);
}
