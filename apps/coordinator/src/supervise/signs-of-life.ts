/** The coordinator's heartbeat: says to its supervisor again and again that it is not hung. */
import { LIMITS } from '@lockstep/config';
import type { Notice } from './messages.js';

/** Begins to give signs of life; returns what ends it. */
export function giveSignsOfLife(): () => void {
  const alive: Notice = { type: 'alive' };
  let isUnderWay = false;
  const timer = setInterval(() => {
    // One at a time: they must not pile up for a supervisor that is stopped itself.
    if (isUnderWay) return;
    isUnderWay = true;
    process.send?.(alive, undefined, {}, () => (isUnderWay = false));
  }, LIMITS.heartbeatEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
