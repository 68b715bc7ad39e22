/** Follows a file that grows line by line: each reading brings the whole lines that have come since the last one. */
import { LockstepError } from '@lockstep/config';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 1_000_000;
const LINE_END = 0x0a;

export class LineTail {
  readonly #path: string;
  /** Where the whole lines that were read end: what comes after may be torn off and written anew. */
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * @returns nothing as long as there is no file
   * @throws LockstepError 'io' when it cannot be read
   */
  async read(): Promise<readonly string[]> {
    try {
      const file = await open(this.#path, 'r');
      try {
        return await this.#readFrom(file);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LockstepError('io', `cannot read ${this.#path}: ${reason}`, 'make it readable', { cause });
    }
  }

  async #readFrom(file: FileHandle): Promise<readonly string[]> {
    // Shorter than what was read of it: another file.
    if ((await file.stat()).size < this.#offset) this.#offset = 0;
    const lines: string[] = [];
    let rest: Buffer = Buffer.alloc(0);
    for (let at = this.#offset; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at);
      if (bytesRead === 0) return lines;
      at += bytesRead;
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(LINE_END);
      if (end < 0) continue;
      lines.push(...rest.subarray(0, end).toString('utf8').split('\n'));
      rest = rest.subarray(end + 1);
      this.#offset = at - rest.length;
    }
  }
}
