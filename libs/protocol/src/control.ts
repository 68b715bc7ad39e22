/**
 * What `lockstep scale`, `drain` and `reshard` say to a running coordinator, and what it answers: one frame each way,
 * a line that names the version and a JSON object that is checked field by field.
 */
import { LockstepError } from '@lockstep/config';
import { z } from 'zod';

const PREAMBLE = 'lockstep-control/1 ';
/** Either frame; a command is a few hundred bytes, an answer a sentence. */
export const CONTROL_LENGTH_MAX = 1 << 16;

/** As many shards or workers as options allow. */
const COUNT_MAX = 1_024;

const requestSchema = z.strictObject({
  run: z.string().min(1).max(64),
  command: z.discriminatedUnion('type', [
    /** Have this many local workers. */
    z.strictObject({ type: z.literal('scale'), workers: z.int().min(0).max(COUNT_MAX) }),
    /** Let a worker go, by its number or its name. */
    z.strictObject({ type: z.literal('drain'), worker: z.string().min(1).max(200) }),
    /** Cut the batch into this many shards from the next step boundary on. */
    z.strictObject({ type: z.literal('reshard'), shards: z.int().min(1).max(COUNT_MAX) }),
  ]),
});
const replySchema = z.strictObject({ ok: z.boolean(), text: z.string().max(8_000) });

export type ControlRequest = z.infer<typeof requestSchema>;
export type ControlCommand = ControlRequest['command'];
export type ControlReply = z.infer<typeof replySchema>;

export function encodeControlRequest(request: ControlRequest): readonly Uint8Array[] {
  return encode(request);
}

export function encodeControlReply(reply: ControlReply): readonly Uint8Array[] {
  return encode({ ...reply, text: reply.text.slice(0, 8_000) });
}

/** @throws LockstepError `protocol` when the frames are no request of this version */
export function decodeControlRequest(frames: readonly Uint8Array[]): ControlRequest {
  return decode(frames, requestSchema);
}

/** @throws LockstepError `protocol` when the frames are no reply of this version */
export function decodeControlReply(frames: readonly Uint8Array[]): ControlReply {
  return decode(frames, replySchema);
}

function encode(value: object): readonly Uint8Array[] {
  return [new TextEncoder().encode(PREAMBLE + JSON.stringify(value))];
}

function decode<S extends z.ZodType>(frames: readonly Uint8Array[], schema: S): z.infer<S> {
  const [frame] = frames;
  if (frames.length !== 1 || frame === undefined || frame.byteLength > CONTROL_LENGTH_MAX) {
    throw refuse('a message of another size');
  }
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(frame);
    if (!text.startsWith(PREAMBLE)) throw refuse(`a message that does not begin with ${PREAMBLE.trim()}`);
    value = JSON.parse(text.slice(PREAMBLE.length));
  } catch (thrown) {
    throw thrown instanceof LockstepError ? thrown : refuse('a message that is not text or not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse(`a message with a wrong field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function refuse(what: string): LockstepError {
  return new LockstepError('protocol', `received ${what}`, 'use the same version of lockstep as the run');
}
