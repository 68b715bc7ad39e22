/**
 * One direction of one connection: messages wait in the sender's bounded queue until their time has come and the
 * receiver reads, and arrive in the order they were sent.
 */
import type { RandomStream } from '@lockstep/data';
import type { Clock, Frames } from '@lockstep/runtime';
import { Outbox } from '../outbox.js';
import type { OutboxBounds } from '../outbox.js';
import { drawFate } from './faults.js';
import type { MemoryFaults } from './faults.js';

export interface LaneSetting {
  readonly clock: Clock;
  readonly random: RandomStream;
  readonly bounds: OutboxBounds;
  faults(): MemoryFaults;
  /** Whether the receiver reads and the way to it is open. */
  isOpen(): boolean;
  deliver(frames: Frames): void;
  break(reason: string): void;
}

export class Lane {
  readonly #setting: LaneSetting;
  readonly #outbox: Outbox;
  readonly #copies: (1 | 2)[] = [];
  #dueCount = 0;
  #lastDueMs = -Infinity;
  #isEnded = false;
  #whenEmpty: (() => void) | undefined;

  constructor(setting: LaneSetting) {
    this.#setting = setting;
    this.#outbox = new Outbox(setting.bounds);
  }

  get isEmpty(): boolean {
    return this.#outbox.size === 0;
  }

  describe(): string {
    return this.#outbox.describe();
  }

  /** Queues a message; false when the bound is reached. */
  push(frames: Frames): boolean {
    const { clock, random } = this.#setting;
    const fate = drawFate(random, this.#setting.faults());
    if (fate.kind === 'lost') return true;
    if (!this.#outbox.push(frames)) return false;
    this.#copies.push(fate.copies);
    const nowMs = clock.now();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + fate.delayMs);
    clock.after(this.#lastDueMs - nowMs, () => {
      if (this.#isEnded) return;
      if (fate.kind === 'breaks') this.#setting.break('the connection broke');
      else this.#due();
    });
    return true;
  }

  /** Delivers what is due and was held up. */
  flush(): void {
    while (!this.#isEnded && this.#dueCount > 0 && this.#setting.isOpen()) {
      const frames = this.#outbox.head();
      if (frames === undefined) break;
      this.#dueCount -= 1;
      this.#outbox.remove(frames);
      const copies = this.#copies.shift() ?? 1;
      for (let copy = 0; copy < copies && !this.#isEnded; copy += 1) this.#setting.deliver(frames);
    }
    if (this.isEmpty) this.#whenEmpty?.();
  }

  /** Calls back once when nothing is queued, at once if that is so now. */
  onEmpty(callback: () => void): void {
    this.#whenEmpty = callback;
    if (this.isEmpty) callback();
  }

  /** Forgets everything; nothing is delivered any more. */
  end(): void {
    this.#isEnded = true;
    this.#outbox.clear();
    this.#whenEmpty?.();
  }

  #due(): void {
    this.#dueCount += 1;
    this.flush();
  }
}
