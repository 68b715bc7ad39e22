/** Closing in time: our queues first, then ZeroMQ's own pipes, then the socket whatever is left. */
import type { Dealer, Router } from 'zeromq';
import { LINGER_MS_MAX, LINGER_REPORT_MS_MAX } from '../limits.js';

/** The moment of `performance.now()` at which a close that begins now gives up. */
export function lingerDeadline(lingerMs: number): number {
  return performance.now() + Math.min(LINGER_MS_MAX, Math.max(0, lingerMs));
}

/** Resolves when `begin` calls back, or at the deadline. */
export function orDeadline(deadlineMs: number, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, deadlineMs - performance.now()));
    begin(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Closes a socket; ZeroMQ sends what it still holds until the deadline.
 * @param ended resolves when the socket's monitor has seen its end, which comes after the lingering bytes
 */
export async function closeSocket(socket: Router | Dealer, deadlineMs: number, ended: Promise<void>): Promise<void> {
  socket.linger = Math.max(0, Math.ceil(deadlineMs - performance.now()));
  socket.close();
  await orDeadline(deadlineMs + LINGER_REPORT_MS_MAX, (done) => void ended.then(done));
}
