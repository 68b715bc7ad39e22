/**
 * Bytes <-> messages. The header frame is the text `lockstep/8 `, a JSON object, a space and the digest of all before
 * it: readable in a packet capture, cheap at a few hundred bytes, and checked field by field. It carries a digest of
 * each payload frame, so that a bit that flipped on the way never reaches a sum; the digest of a gradient is also what
 * the journal keeps of it.
 * Whatever a stranger sends ends as an answer, not as an exception, and costs no more memory than the frame itself.
 */
import { LIMITS } from '@lockstep/config';
import { z } from 'zod';
import {
  coordinatorMessageSchema,
  payloadFrameCount,
  peerMessageSchema,
  PROTOCOL_VERSION,
  stampSchema,
  timesSchema,
  vitalsSchema,
  workerMessageSchema,
} from './messages.js';
import type { Beside, CoordinatorMessage, PeerMessage, Stamp, Times, Vitals, WorkerMessage } from './messages.js';

const PREAMBLE = `lockstep/${PROTOCOL_VERSION} `;
const ANY_PREAMBLE = /^lockstep\/(\d{1,6}) /;
const CHECKSUM_LENGTH = 16;
/** The only version whose headers had no checksum. */
const BEFORE_CHECKSUMS = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The fast digest of bytes as 16 hex digits: `digestOf` of @lockstep/reduce. */
export type Digest = (bytes: Uint8Array) => string;

export interface Letter<M> {
  readonly message: M;
  readonly stamp: Stamp;
  readonly payload: readonly Uint8Array[];
  readonly payloadDigests: readonly string[];
  /** Of an answer: how long it took. */
  readonly times: Times | undefined;
  readonly vitals: Vitals | undefined;
}

/** What was received instead of a message. */
export interface Unreadable {
  /** `version`: of another version of lockstep; `damaged`: altered on the way, or no message at all. */
  readonly problem: 'version' | 'damaged';
  readonly what: string;
}

const headerSchema = z.strictObject({
  stamp: stampSchema,
  payload: z.array(z.string().length(CHECKSUM_LENGTH)).max(8),
  times: timesSchema.optional(),
  vitals: vitalsSchema.optional(),
  message: z.unknown(),
});

/**
 * Header and payload as frames; the payload is not copied.
 * @param payloadDigests of the payload frames, where the caller has them already
 * @param beside what no rule depends on
 */
export function encodeMessage(
  digest: Digest,
  message: WorkerMessage | CoordinatorMessage | PeerMessage,
  stamp: Stamp,
  payload: readonly Uint8Array[] = [],
  payloadDigests: readonly string[] = payload.map(digest),
  { times, vitals }: Beside = {},
): readonly Uint8Array[] {
  const parts = { stamp, payload: payloadDigests, times, vitals, message };
  const start = encoder.encode(`${PREAMBLE}${JSON.stringify(parts)} `);
  const header = new Uint8Array(start.length + CHECKSUM_LENGTH);
  header.set(start);
  header.set(encoder.encode(digest(start)), start.length);
  return [header, ...payload];
}

export function decodeWorkerMessage(digest: Digest, frames: readonly Uint8Array[]): Letter<WorkerMessage> | Unreadable {
  return decode(digest, frames, workerMessageSchema);
}

export function decodeCoordinatorMessage(
  digest: Digest,
  frames: readonly Uint8Array[],
): Letter<CoordinatorMessage> | Unreadable {
  return decode(digest, frames, coordinatorMessageSchema);
}

/** A header that was read before its payload. */
export type Opened<M> = Omit<Letter<M>, 'payload'>;

/** The header of a message among workers, to know where its payload is to go. */
export function openPeerMessage(digest: Digest, header: Uint8Array): Opened<PeerMessage> | Unreadable {
  return openHeader(digest, header, peerMessageSchema);
}

/** The message whose header is known, with its payload; checked. */
export function withPayload<M extends { readonly type: string }>(
  digest: Digest,
  opened: Opened<M>,
  payload: readonly Uint8Array[],
): Letter<M> | Unreadable {
  const { message, payloadDigests } = opened;
  if (payload.length !== payloadDigests.length) {
    return damaged(`${payload.length} payload frames with ${message.type}, not ${payloadDigests.length}`);
  }
  if (payload.some((frame, index) => digest(frame) !== payloadDigests[index])) {
    return damaged(`a payload of ${message.type} whose checksum is wrong`);
  }
  return { ...opened, payload };
}

function decode<M extends WorkerMessage | CoordinatorMessage | PeerMessage>(
  digest: Digest,
  [header, ...payload]: readonly Uint8Array[],
  schema: z.ZodType<M>,
): Letter<M> | Unreadable {
  if (header === undefined) return damaged('an empty message');
  const opened = openHeader(digest, header, schema);
  return 'problem' in opened ? opened : withPayload(digest, opened, payload);
}

function openHeader<M extends WorkerMessage | CoordinatorMessage | PeerMessage>(
  digest: Digest,
  header: Uint8Array,
  schema: z.ZodType<M>,
): Opened<M> | Unreadable {
  const read = readHeader(digest, header);
  if ('problem' in read) return read;
  const parsed = schema.safeParse(read.message);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return damaged(`a header with a wrong field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const wanted = payloadFrameCount(parsed.data);
  if (read.payload.length !== wanted) {
    return damaged(`${read.payload.length} payload checksums with ${parsed.data.type}, not ${wanted}`);
  }
  const { stamp, payload: payloadDigests, times, vitals } = read;
  return { message: parsed.data, stamp, payloadDigests, times, vitals };
}

function readHeader(digest: Digest, header: Uint8Array): z.infer<typeof headerSchema> | Unreadable {
  if (header.byteLength > LIMITS.headerLengthBytes) return damaged(`a header of ${header.byteLength} bytes`);
  let text: string;
  try {
    text = decoder.decode(header);
  } catch {
    return damaged('a header that is not text');
  }
  const version = ANY_PREAMBLE.exec(text)?.[1];
  if (version === undefined) return damaged('a message that does not begin as lockstep messages do');
  const isWhole = digest(header.subarray(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
  // Another version is said on purpose or by a flipped bit.
  if (Number(version) !== PROTOCOL_VERSION && (isWhole || Number(version) === BEFORE_CHECKSUMS)) {
    return { problem: 'version', what: `the peer speaks protocol ${version}, this is ${PROTOCOL_VERSION}` };
  }
  if (!isWhole) return damaged('a header whose checksum is wrong');
  return parseHeader(text.slice(PREAMBLE.length, -CHECKSUM_LENGTH - 1));
}

function parseHeader(json: string): z.infer<typeof headerSchema> | Unreadable {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return damaged('a header that is not JSON');
  }
  const parsed = headerSchema.safeParse(value);
  return parsed.success ? parsed.data : damaged('a header without its stamp');
}

function damaged(what: string): Unreadable {
  return { problem: 'damaged', what: `received ${what}` };
}
