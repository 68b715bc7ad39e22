/**
 * Bytes <-> messages. The header frame is the text `lockstep/1 ` and a JSON object: readable in a packet capture,
 * cheap at a few hundred bytes, and checked field by field. Payload frames follow untouched. Whatever a stranger
 * sends ends as a `protocol` error, not as an exception of some other kind, and costs no more memory than the frame
 * itself.
 */
import { LIMITS, LockstepError } from '@lockstep/config';
import type { z } from 'zod';
import { coordinatorMessageSchema, payloadFrameCount, PROTOCOL_VERSION, workerMessageSchema } from './messages.js';
import type { CoordinatorMessage, WorkerMessage } from './messages.js';

const PREAMBLE = `lockstep/${PROTOCOL_VERSION} `;
const ANY_PREAMBLE = /^lockstep\/(\d{1,6}) /;
const HINT = 'check that both sides run the same version of lockstep';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface Decoded<M> {
  readonly message: M;
  readonly payload: readonly Uint8Array[];
}

/** Header and payload as frames; the payload is not copied. */
export function encodeMessage(
  message: WorkerMessage | CoordinatorMessage,
  payload: readonly Uint8Array[] = [],
): readonly Uint8Array[] {
  return [encoder.encode(PREAMBLE + JSON.stringify(message)), ...payload];
}

/** @throws LockstepError `protocol` when the frames are not a message of a worker */
export function decodeWorkerMessage(frames: readonly Uint8Array[]): Decoded<WorkerMessage> {
  return decode(frames, workerMessageSchema);
}

/** @throws LockstepError `protocol` when the frames are not a message of a coordinator */
export function decodeCoordinatorMessage(frames: readonly Uint8Array[]): Decoded<CoordinatorMessage> {
  return decode(frames, coordinatorMessageSchema);
}

function decode<M extends WorkerMessage | CoordinatorMessage>(
  frames: readonly Uint8Array[],
  schema: z.ZodType<M>,
): Decoded<M> {
  const [header, ...payload] = frames;
  if (header === undefined) throw malformed('an empty message');
  const parsed = schema.safeParse(parseHeader(header));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(`a header with a wrong field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const wanted = payloadFrameCount(parsed.data);
  if (payload.length !== wanted) {
    throw malformed(`${payload.length} payload frames with ${parsed.data.type}, not ${wanted}`);
  }
  return { message: parsed.data, payload };
}

function parseHeader(header: Uint8Array): unknown {
  if (header.byteLength > LIMITS.headerLengthBytes) throw malformed(`a header of ${header.byteLength} bytes`);
  let text: string;
  try {
    text = decoder.decode(header);
  } catch {
    throw malformed('a header that is not text');
  }
  const version = ANY_PREAMBLE.exec(text)?.[1];
  if (version === undefined) throw malformed('a message that does not begin as lockstep messages do');
  if (Number(version) !== PROTOCOL_VERSION) {
    throw new LockstepError('protocol', `the peer speaks protocol ${version}, this is ${PROTOCOL_VERSION}`, HINT);
  }
  try {
    return JSON.parse(text.slice(PREAMBLE.length));
  } catch {
    throw malformed('a header that is not JSON');
  }
}

function malformed(what: string): LockstepError {
  return new LockstepError('protocol', `received ${what}`, HINT);
}
