/**
 * Waiting for a socket to be read empty. The news that a connection ended overtakes the messages that came over it:
 * they still wait in the socket, and belong before the end.
 */
import type { Dealer, Router } from 'zeromq';
import { QUIET_LOOK_MS, QUIET_MS_MAX } from '../limits.js';

/**
 * Resolves when two looks in a row found nothing to read, or after the limit: other peers may keep a socket busy for
 * ever.
 */
export async function untilQuiet(socket: Router | Dealer): Promise<void> {
  const deadlineMs = performance.now() + QUIET_MS_MAX;
  for (let quietLooks = 0; quietLooks < 2 && performance.now() < deadlineMs; ) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS));
    quietLooks = !socket.closed && socket.readable ? 0 : quietLooks + 1;
  }
}
