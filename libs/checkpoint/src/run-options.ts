/**
 * options.json: the option values that a run was started with, so that it can be taken up again without saying them
 * anew. Opaque here: whoever owns the options checks them.
 */
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.js';
import { runPaths } from './run-paths.js';

const OPTIONS_FORMAT_VERSION = 1;

const optionsSchema = z.strictObject({
  formatVersion: z.literal(OPTIONS_FORMAT_VERSION, `not format version ${OPTIONS_FORMAT_VERSION}`),
  options: z.record(z.string(), z.json()),
});

/** Option values by name, as JSON. */
export type RunOptions = z.infer<typeof optionsSchema>['options'];

/** Replaces options.json. Values that are undefined are left out. */
export async function writeRunOptions(runDirectory: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  await writeJsonFile(runPaths(runDirectory).options, { formatVersion: OPTIONS_FORMAT_VERSION, options });
}

/**
 * Reads options.json.
 * @throws LockstepError 'io' when there is none, 'data' when it is not what `writeRunOptions` writes
 */
export async function readRunOptions(runDirectory: string): Promise<RunOptions> {
  const { options } = await readJsonFile(runPaths(runDirectory).options, optionsSchema);
  return options;
}
