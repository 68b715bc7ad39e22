/** JSON files of a run directory: written whole and atomically, read with a bound and checked against a schema. */
import { readFile, stat } from 'node:fs/promises';
import { LockstepError } from '@lockstep/config';
import type { z } from 'zod';
import { atomicWrite } from './atomic-write.js';
import { withIoErrors } from './io-error.js';
import { JSON_FILE_BYTES_MAX } from './limits.js';

/** Readable JSON with a final newline. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Replaces the file by the value as readable JSON. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await atomicWrite(path, jsonText(value));
}

/**
 * Reads and checks a JSON file.
 * @throws LockstepError 'io' when it cannot be read, 'data' naming the file and the field when it is not what it
 * should be
 */
export async function readJsonFile<S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> {
  const text = await withIoErrors('read', path, async () => {
    const status = await stat(path);
    if (!status.isFile()) refuse(path, 'it is not a regular file');
    if (status.size > JSON_FILE_BYTES_MAX) {
      refuse(path, `it has ${status.size} bytes, at most ${JSON_FILE_BYTES_MAX} are read`);
    }
    return readFile(path, 'utf8');
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse(path, 'it is not JSON');
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  return refuse(path, `${issue?.path.join('.') || 'content'}: ${issue?.message}`);
}

function refuse(path: string, reason: string): never {
  throw new LockstepError('data', `${path}: ${reason}`, 'the file is torn, altered or of another version');
}
