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

/** The last step that the files have this tag for; 0 when they have none. */
export async function lastStepOf(folder: string, files: readonly string[], tag: string): Promise<number> {
  for (const name of [...files].reverse()) {
    let last = 0;
    for await (const data of recordsIn(createReadStream(join(folder, name)) as AsyncIterable<Buffer>)) {
      const { step, tags } = readEvent(data);
      if (tags.includes(tag)) last = step;
    }
    if (last > 0) return last;
  }
  return 0;
}
