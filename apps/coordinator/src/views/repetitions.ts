/**
 * Lets through what is new and holds back what comes again and again: of each kind one a minute, the next one with
 * the number of those that were not told. Dozens of equal lines would hide the one that matters.
 */
const WINDOW_MS = 60_000;
/** Kinds kept in mind; a peer that makes up new ones must not fill the memory. */
const KINDS_MAX = 1_000;

interface Kind<T> {
  sinceMs: number;
  held: number;
  latest: T;
}

export class Repetitions<T> {
  readonly #tell: (item: T, heldBack: number) => void;
  readonly #kinds = new Map<string, Kind<T>>();

  /** @param tell takes an item; `heldBack` items of its kind, this one among them, were not told; 0 for a new one */
  constructor(tell: (item: T, heldBack: number) => void) {
    this.#tell = tell;
  }

  /** @param nowMs monotonic milliseconds, here and below */
  add(kind: string, item: T, nowMs: number): void {
    this.sweep(nowMs);
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.held += 1;
      known.latest = item;
      return;
    }
    this.#tell(item, 0);
    if (this.#kinds.size < KINDS_MAX) this.#kinds.set(kind, { sinceMs: nowMs, held: 0, latest: item });
  }

  /** Tells what was held back for long enough. */
  sweep(nowMs: number): void {
    for (const [name, kind] of this.#kinds) {
      if (nowMs - kind.sinceMs < WINDOW_MS) continue;
      if (kind.held === 0) {
        this.#kinds.delete(name);
        continue;
      }
      this.#tell(kind.latest, kind.held);
      kind.sinceMs = nowMs;
      kind.held = 0;
    }
  }

  /** Tells everything that is still held back. */
  end(): void {
    for (const { latest, held } of this.#kinds.values()) if (held > 0) this.#tell(latest, held);
    this.#kinds.clear();
  }
}

/** A line that stands for several. */
export function withCount(line: string, heldBack: number): string {
  return heldBack === 0 ? line : `${line} (${heldBack} like this in the last minute)`;
}
