/** Questions put to a run from outside, and the promises of their answers. */
import type { Command } from '@lockstep/protocol';

export interface CommandReply {
  readonly ok: boolean;
  /** One line for the user. */
  readonly text: string;
}

/** More at a time is no user but a loop. */
const OPEN_MAX = 64;

export class Commands {
  readonly #put: (id: number, command: Command) => void;
  readonly #open = new Map<number, (reply: CommandReply) => void>();
  #nextId = 0;
  #isClosed = false;

  constructor(put: (id: number, command: Command) => void) {
    this.#put = put;
  }

  ask(command: Command): Promise<CommandReply> {
    if (this.#isClosed) return Promise.resolve({ ok: false, text: 'the run has ended' });
    if (this.#open.size >= OPEN_MAX) return Promise.resolve({ ok: false, text: 'too many commands wait; try again' });
    return new Promise((resolve) => {
      this.#nextId += 1;
      this.#open.set(this.#nextId, resolve);
      this.#put(this.#nextId, command);
    });
  }

  answer(id: number, reply: CommandReply): void {
    this.#open.get(id)?.(reply);
    this.#open.delete(id);
  }

  /** Nothing will be answered any more. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#open.values()) resolve({ ok: false, text: 'the run has ended' });
    this.#open.clear();
  }
}
