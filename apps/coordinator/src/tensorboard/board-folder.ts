/**
 * Where the event files of a run are: a folder of its own below the one that TensorBoard is pointed at, so that runs
 * lie over each other in its charts, with a file for each life of the coordinator.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readEvent } from './event-message.js';
import { recordsIn } from './tf-record.js';

/** Named after the run directory, and told apart from others of that name by the id of the run. */
export function boardFolder(directory: string, runDirectory: string, runId: string): string {
  const name = basename(resolve(runDirectory));
  const id = runId.slice(0, 8);
  return join(directory, name.endsWith(id) ? name : `${name}-${id}`);
}

const EVENT_FILE = /^events\.out\.tfevents\.(\d{10})\./;

/** Names of event files in the order in which TensorBoard reads them. */
export async function eventFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => EVENT_FILE.test(name)).sort();
}

/** A name that TensorBoard reads after all that are there, whatever the clock says. */
export function nextEventFile(existing: readonly string[], nowMs: number): string {
  const latest = existing.map((name) => Number(EVENT_FILE.exec(name)?.[1] ?? 0));
  const seconds = Math.max(Math.floor(nowMs / 1000), ...latest.map((second) => second + 1));
  return `events.out.tfevents.${String(seconds).padStart(10, '0')}.${hostname()}.${process.pid}`;
}

/**
 * What the files have already: of each tag the last step. Older files are not looked at once one has `tag`, which is
 * in all that have anything to say.
 */
export async function lastSteps(
  folder: string,
  files: readonly string[],
  tag: string,
): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>();
  for (const name of [...files].reverse()) {
    const found = new Map<string, number>();
    for await (const data of recordsIn(createReadStream(join(folder, name)) as AsyncIterable<Buffer>)) {
      const { step, tags } = readEvent(data);
      for (const one of tags) found.set(one, step);
    }
    for (const [one, step] of found) if (!last.has(one)) last.set(one, step);
    if (found.has(tag)) break;
  }
  return last;
}
