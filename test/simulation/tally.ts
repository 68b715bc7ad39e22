/** What happened in one or many simulations, by kind: a fault that is never injected proves nothing. */
export class Tally {
  readonly counts = new Map<string, number>();

  count(what: string, times = 1): void {
    if (times > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  rejected(reason: string): void {
    this.count(`rejected: ${reason}`);
  }

  reported(type: string): void {
    this.count(`reported: ${type}`);
  }

  add(other: Tally): void {
    for (const [what, times] of other.counts) this.count(what, times);
  }
}
