/** Follows a file that grows line by line: each reading brings the whole lines that have come since the last one. */
import { LockstepError } from '@lockstep/config';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 1_000_000;
const LINE_END = 0x0a;

export class LineTail {
  readonly #path: string;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * @returns nothing as long as there is no file
   * @throws LockstepError 'io' when it cannot be read
   */
  async read(): Promise<readonly string[]> {
    const lines: string[] = [];
    try {
      const file = await open(this.#path, 'r');
      try {
        const { size } = await file.stat();
        // What was torn off a journal was never a whole line: shorter than what was read of it is another file.
        if (size < this.#offset - this.#rest.length) this.#again();
        this.#offset = Math.min(this.#offset, size);
        for (;;) {
          const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, this.#offset);
          if (bytesRead === 0) return lines;
          this.#offset += bytesRead;
          lines.push(...this.#take(buffer.subarray(0, bytesRead)));
        }
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return lines;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LockstepError('io', `cannot read ${this.#path}: ${reason}`, 'make it readable', { cause });
    }
  }

  #again(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  #take(chunk: Buffer): readonly string[] {
    const all = Buffer.concat([this.#rest, chunk]);
    const end = all.lastIndexOf(LINE_END) + 1;
    this.#rest = Buffer.from(all.subarray(end));
    return end === 0
      ? []
      : all
          .subarray(0, end - 1)
          .toString('utf8')
          .split('\n');
  }
}
