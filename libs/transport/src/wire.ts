/**
 * How messages and the transport's own signals share one connection. A message whose first frame is empty is the
 * transport's:
 *
 *   [empty]                 client to server: a new connection begins (ZeroMQ's probe, first on every connection)
 *                           server to client: a probe, ignored; sending it shows whether the peer is reachable
 *   [empty, FAREWELL]       server to client: you were given up or dropped; connect again
 *   [empty, empty, ...rest] an ordinary message that itself begins with an empty frame
 *
 * All other messages travel as they are, without a copy or an added frame.
 */
import { invariant } from '@lockstep/config';
import type { Frames } from '@lockstep/runtime';
import { FRAMES_PER_MESSAGE_MAX } from './limits.js';

const EMPTY = new Uint8Array(0);
const FAREWELL_CODE = 0x46;

export const PROBE: Frames = [EMPTY];
export const FAREWELL: Frames = [EMPTY, Uint8Array.of(FAREWELL_CODE)];

export type Received =
  | { readonly type: 'probe' }
  | { readonly type: 'farewell' }
  | { readonly type: 'message'; readonly frames: Frames }
  | { readonly type: 'unknown' };

/** @throws LockstepError `internal` for no frame, too many frames or a frame over `maxFrameBytes`: the sender's bug */
export function checkMessage(frames: Frames, maxFrameBytes: number): Frames {
  invariant(frames.length > 0 && frames.length <= FRAMES_PER_MESSAGE_MAX, `a message has ${frames.length} frames`);
  for (const frame of frames) {
    invariant(frame.byteLength <= maxFrameBytes, `a frame of ${frame.byteLength} bytes is over ${maxFrameBytes}`);
  }
  return frames;
}

/** The frames to put on the wire for one message of ours; throws what `checkMessage` throws. */
export function toWire(frames: Frames, maxFrameBytes: number): Frames {
  checkMessage(frames, maxFrameBytes);
  return frames[0]?.byteLength === 0 ? [EMPTY, EMPTY, ...frames] : frames;
}

/** What one arrived message means; `unknown` is for signals of a later version and for strangers. */
export function fromWire(frames: Frames): Received {
  const [first, second] = frames;
  if (first === undefined || frames.length > FRAMES_PER_MESSAGE_MAX + 2) return { type: 'unknown' };
  if (first.byteLength > 0) return { type: 'message', frames };
  if (second === undefined) return { type: 'probe' };
  if (second.byteLength === 0 && frames.length > 2) return { type: 'message', frames: frames.slice(2) };
  return second[0] === FAREWELL_CODE && frames.length === 2 ? { type: 'farewell' } : { type: 'unknown' };
}
