/**
 * Reads an event record back, while it is written or later. It may have been torn by a crash and may come from a later
 * version: lines that say nothing known are passed over.
 */
import { runPaths } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { readFile } from 'node:fs/promises';
import { recordStampSchema, runEventSchema } from '../train/event-schema.js';
import type { RecordedEvent } from './event-record.js';

/**
 * What was recorded of a run, in the order in which it was written; nothing where there is no record.
 * @throws LockstepError 'io' when the file cannot be read
 */
export async function readEvents(runDirectory: string): Promise<readonly RecordedEvent[]> {
  const path = runPaths(runDirectory).events;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('io', `cannot read ${path}: ${reason}`, 'make it readable', { cause });
  });
  return text.split('\n').flatMap(parseRecorded);
}

/** The event on one line; none where it says nothing known. */
export function parseRecorded(line: string): readonly RecordedEvent[] {
  const value = parseJson(line);
  const stamp = recordStampSchema.safeParse(value);
  const event = runEventSchema.safeParse(value);
  if (!stamp.success || !event.success || event.data.event === 'step') return [];
  return [{ ...stamp.data, ...event.data }];
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
