/**
 * Time that passes only when told: a heap of wake-ups, worked off in the order of their time, then of their making.
 * A simulation turns it as fast as the machine allows.
 */
import type { Clock } from '@lockstep/runtime';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

function isBefore(left: Timer, right: Timer): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}

export class VirtualClock implements Clock {
  /** Events so far. */
  turns = 0;
  #nowMs = 0;
  #order = 0;
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: (this.#order += 1), callback };
    this.#push(timer);
    return () => (timer.callback = undefined);
  }

  /** Works off the next wake-up; false when there is none. */
  turn(): boolean {
    for (;;) {
      const next = this.#pop();
      if (next === undefined) return false;
      if (next.callback === undefined) continue;
      this.#nowMs = next.atMs;
      this.turns += 1;
      next.callback();
      return true;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const other = heap[parent];
      if (!isBefore(timer, other)) break;
      heap[index] = other;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

/** Turns of the microtask queue that a chain of promises in the loops and stores takes at most. */
const MICROTASKS = 24;

/** Lets promises that were settled by the last wake-up run on, without a turn of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < MICROTASKS; turn += 1) await Promise.resolve();
}
