/** When to probe: every second, and a few times shortly after some connection broke. Keeps no process alive. */
import { PROBE_AFTER_DISCONNECT_MS, PROBE_INTERVAL_MS } from '../limits.js';

export class ProbeTimer {
  readonly #probe: () => void;
  readonly #soon = new Map<number, NodeJS.Timeout>();
  #interval: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(probe: () => void) {
    this.#probe = probe;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#interval = setInterval(this.#probe, PROBE_INTERVAL_MS).unref();
  }

  /** A connection broke: probe now and again, because the socket learns of it a little after its monitor does. */
  soon(): void {
    if (this.#isStopped) return;
    for (const delayMs of PROBE_AFTER_DISCONNECT_MS) {
      clearTimeout(this.#soon.get(delayMs));
      this.#soon.set(delayMs, setTimeout(this.#probe, delayMs).unref());
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#interval);
    for (const timer of this.#soon.values()) clearTimeout(timer);
  }
}
