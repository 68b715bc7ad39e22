/**
 * One direction of one connection: messages wait in the sender's bounded queue until their time has come and the
 * receiver reads, and arrive in the order they were sent, but for those that a fault holds up.
 */
import type { RandomStream } from '@lockstep/data';
import type { Clock, Frames } from '@lockstep/runtime';
import { Outbox } from '../outbox.js';
import type { OutboxBounds } from '../outbox.js';
import { countFate, drawFate, flipBit } from './faults.js';
import type { Fate, MemoryFaultCounts, MemoryFaults } from './faults.js';

export interface LaneSetting {
  readonly clock: Clock;
  readonly random: RandomStream;
  readonly bounds: OutboxBounds;
  readonly counts: MemoryFaultCounts;
  faults(): MemoryFaults;
  /** Whether the receiver reads and the way to it is open. */
  isOpen(): boolean;
  deliver(frames: Frames): void;
  break(reason: string): void;
}

export class Lane {
  readonly #setting: LaneSetting;
  readonly #outbox: Outbox;
  /** Of the messages in the outbox, in the same order. */
  readonly #fates: Fate[] = [];
  /** Held up and passed by others; due, but the way is not open. */
  #stragglers: Frames[] = [];
  #heldUpCount = 0;
  #dueCount = 0;
  #lastDueMs = -Infinity;
  #isEnded = false;
  #whenEmpty: (() => void) | undefined;

  constructor(setting: LaneSetting) {
    this.#setting = setting;
    this.#outbox = new Outbox(setting.bounds);
  }

  get isEmpty(): boolean {
    return this.#outbox.size === 0 && this.#heldUpCount === 0;
  }

  describe(): string {
    return this.#outbox.describe();
  }

  /** Queues a message; false when the bound is reached. */
  push(frames: Frames): boolean {
    const { clock, random, counts } = this.#setting;
    const fate = drawFate(random, this.#setting.faults());
    countFate(counts, fate);
    if (fate.kind === 'lost') return true;
    if (!this.#outbox.push(frames)) return false;
    this.#fates.push(fate);
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
    while (this.#stragglers.length > 0 && this.#isPassable()) this.#deliverStraggler(this.#stragglers.shift() ?? []);
    while (this.#dueCount > 0 && this.#isPassable()) {
      const frames = this.#outbox.head();
      const fate = this.#fates.shift();
      if (frames === undefined || fate === undefined) break;
      this.#dueCount -= 1;
      this.#outbox.remove(frames);
      const arriving = fate.flippedBit === null ? frames : flipBit(frames, fate.flippedBit);
      if (fate.heldUpMs > 0) this.#holdUp(arriving, fate.heldUpMs);
      for (let copy = fate.heldUpMs > 0 ? 1 : 0; copy < fate.copies && !this.#isEnded; copy += 1) {
        this.#setting.deliver(arriving);
      }
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
    this.#fates.length = 0;
    this.#heldUpCount = 0;
    this.#stragglers = [];
    this.#whenEmpty?.();
  }

  #isPassable(): boolean {
    return !this.#isEnded && this.#setting.isOpen();
  }

  #due(): void {
    this.#dueCount += 1;
    this.flush();
  }

  /** Lets others pass; bounded, because each is held up for one short delay. */
  #holdUp(frames: Frames, heldUpMs: number): void {
    this.#heldUpCount += 1;
    this.#setting.clock.after(heldUpMs, () => {
      if (this.#isEnded) return;
      this.#stragglers.push(frames);
      this.flush();
    });
  }

  #deliverStraggler(frames: Frames): void {
    this.#heldUpCount -= 1;
    this.#setting.deliver(frames);
  }
}
