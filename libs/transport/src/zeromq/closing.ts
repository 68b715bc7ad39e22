/** Closing a socket in time: our queues first, then ZeroMQ's own pipes, then the socket whatever is left. */
import type { Dealer, Router } from 'zeromq';
import { LINGER_MS_MAX } from '../limits.js';

/**
 * @param ended resolves when the socket's monitor has seen its end, which comes after the lingering bytes
 * @param finish sends what is queued, until the given moment of `performance.now()`
 */
export async function closeSocket(
  socket: Router | Dealer,
  lingerMs: number,
  ended: Promise<void>,
  finish: (deadlineMs: number) => Promise<void>,
): Promise<void> {
  const deadlineMs = performance.now() + Math.min(LINGER_MS_MAX, Math.max(0, lingerMs));
  await finish(deadlineMs);
  socket.linger = Math.max(0, Math.ceil(deadlineMs - performance.now()));
  socket.close();
  await untilDeadline(ended, deadlineMs + END_MARGIN_MS);
}

/** What the I/O thread gets to report an end that took the whole linger. */
const END_MARGIN_MS = 500;

async function untilDeadline(promise: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineMs - performance.now()));
  });
  await Promise.race([promise, deadline]);
  clearTimeout(timer);
}
