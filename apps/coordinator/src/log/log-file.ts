/**
 * A log file that can neither end nor hold up a run, nor fill a disk. Lines are appended at once and unbuffered, so
 * that nothing is lost when the process ends; what the disk refuses is counted and let go of. A file that has grown to
 * its cap is copied to `FILE.1` and emptied in place, not renamed: the standard error of a worker is the same file, and
 * native code goes on writing where it has begun. That is why none of the libraries that rotate files is used here:
 * they rename.
 */
import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';

/** Of a file; with the one before it a process keeps twice as much at most. */
const LOG_BYTES_MAX = 8 * 2 ** 20;
const LOOK_EVERY_BYTES = 2 ** 16;
/** Others may write to the file, too, and it may be taken away. */
const LOOK_EVERY_MS = 5_000;
const OPEN_AGAIN_MS = 1_000;
/** Lines kept while there is no file. */
const WAITING_MAX = 256;

/** What came before the file was emptied last. */
export function olderLog(path: string): string {
  return `${path}.1`;
}

export class LogFile {
  readonly #bytesMax: number;
  readonly #waiting: string[] = [];
  readonly #timer: NodeJS.Timeout;
  #path: string | null;
  #descriptor: number | undefined;
  #openedMs = -Infinity;
  #unseenBytes = 0;
  #lost = 0;
  /** The last line was written in part. */
  #isTorn = false;

  /** @param path null for a file that is named later; lines wait for it */
  constructor(path: string | null, bytesMax = LOG_BYTES_MAX) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
    this.#look();
  }

  /** Writes what has waited, and all that comes, to this file. */
  nameAs(path: string): void {
    this.close();
    this.#path = path;
    this.#openedMs = -Infinity;
    this.#flush();
  }

  /** @param line with its line break; never throws */
  write(line: string): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift();
      this.#lost += 1;
    }
    this.#waiting.push(line);
    this.#flush();
    if (this.#unseenBytes >= LOOK_EVERY_BYTES) this.#look();
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #flush(): void {
    const descriptor = this.#descriptor ?? this.#open();
    if (descriptor === undefined || this.#waiting.length === 0) return;
    const lines = this.#waiting.splice(0);
    try {
      this.#append(descriptor, `${this.#lost === 0 ? '' : lostLine(this.#lost)}${lines.join('')}`);
      this.#lost = 0;
    } catch {
      this.#lost += lines.length;
    }
  }

  #append(descriptor: number, text: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text);
    for (let done = 0; done < bytes.length;) {
      const written = writeSync(descriptor, bytes, done);
      done += written;
      this.#unseenBytes += written;
      this.#isTorn = done < bytes.length;
    }
  }

  #open(): number | undefined {
    const nowMs = performance.now();
    if (this.#path === null || nowMs - this.#openedMs < OPEN_AGAIN_MS) return undefined;
    this.#openedMs = nowMs;
    try {
      this.#descriptor = openSync(this.#path, 'a');
    } catch {
      // The folder is not there yet, or not any more.
    }
    return this.#descriptor;
  }

  /** Is it still the file of that name, and how long has it grown? */
  #look(): void {
    this.#unseenBytes = 0;
    const [descriptor, path] = [this.#descriptor ?? this.#open(), this.#path];
    if (descriptor === undefined || path === null) return;
    try {
      const own = fstatSync(descriptor);
      const named = statSync(path, { throwIfNoEntry: false });
      if (named?.ino !== own.ino || named.dev !== own.dev) this.close();
      else if (own.size > this.#bytesMax) empty(descriptor, path, own.size > 2 * this.#bytesMax);
    } catch {
      // A disk that says nothing now may say more later.
    }
  }
}

/** Lines that others write between the copy and the cut are lost: a moment, once in so many bytes. */
function empty(descriptor: number, path: string, inAnyCase: boolean): void {
  try {
    copyFileSync(path, olderLog(path));
  } catch (error) {
    if (!inAnyCase) throw error;
  }
  ftruncateSync(descriptor, 0);
}

function lostLine(count: number): string {
  return `${count} ${count === 1 ? 'line' : 'lines'} could not be written here\n`;
}
