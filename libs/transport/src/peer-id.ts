/**
 * A PeerId is the ZeroMQ routing id: printable ASCII, so that it reads well in logs and no generated id can equal it.
 */
import { invariant } from '@lockstep/config';
import type { PeerId } from '@lockstep/runtime';
import { PEER_ID_BYTES_MAX } from './limits.js';

const PRINTABLE = /^[\x21-\x7e]+$/;

export function isPeerId(text: string): boolean {
  return text.length <= PEER_ID_BYTES_MAX && PRINTABLE.test(text);
}

/** @throws LockstepError `internal`: ids are made by our own apps */
export function checkPeerId(peer: PeerId): PeerId {
  const form = `1 to ${PEER_ID_BYTES_MAX} printable ASCII characters`;
  invariant(isPeerId(peer), `a peer id is ${form}, not ${JSON.stringify(peer)}`);
  return peer;
}
