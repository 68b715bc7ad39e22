/** The machine's monotonic clock. */
import type { Clock } from '@lockstep/runtime';

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
