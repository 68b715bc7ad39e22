import { LIMITS } from '@lockstep/config';
import { digestOf } from '@lockstep/reduce';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCoordinatorMessage, decodeWorkerMessage, encodeMessage } from './codec.js';
import type { Letter, Unreadable } from './codec.js';
import { LOG_LINE_LENGTH_MAX, LOG_LINES_MAX, PROTOCOL_VERSION } from './messages.js';
import type { WorkerMessage } from './messages.js';
import { withLog } from './worker/saying.js';

const GRADIENT = {
  type: 'gradient',
  run: 'r',
  term: 1,
  membership: 2,
  step: 3,
  shard: 0,
  attempt: 0,
  lossSum: 1.5,
  characters: 10,
  computeMs: 2,
  weightsDigest: null,
  held: null,
} as const satisfies WorkerMessage;
const HELLO: WorkerMessage = {
  type: 'hello',
  protocolVersion: PROTOCOL_VERSION,
  softwareVersion: '0',
  run: null,
  obeyed: { term: 3, incarnation: 'i' },
  name: 'h/gpu-0',
  supervised: false,
  host: 'h',
  pid: 1,
};
const STAMP = { conversation: 4, sequence: 7 };
const EMPTY = new Uint8Array();
const encoder = new TextEncoder();
function read(frames: readonly Uint8Array[]): Letter<WorkerMessage> {
  const read = decodeWorkerMessage(digestOf, frames);
  if ('problem' in read) throw new Error(read.what);
  return read;
}

/** A header with a sound checksum around any text. */
function sealed(text: string, version = PROTOCOL_VERSION): Uint8Array {
  const start = `lockstep/${version} ${text} `;
  return encoder.encode(start + digestOf(encoder.encode(start)));
}

const header = (value: unknown): Uint8Array => sealed(JSON.stringify(value));

/** A header whose message is the gradient with some fields replaced, and what comes beside the message. */
function altered(fields: object, beside: object = {}): Uint8Array {
  return header({ stamp: STAMP, payload: [digestOf(EMPTY)], message: { ...GRADIENT, ...fields }, ...beside });
}

const problemOf = (frames: readonly Uint8Array[]): Unreadable['problem'] | undefined => {
  const read = decodeWorkerMessage(digestOf, frames);
  return 'problem' in read ? read.problem : undefined;
};

/** The frames with one bit of them all, counted through, flipped. */
function withBitFlipped(frames: readonly Uint8Array[], bit: number): readonly Uint8Array[] {
  let position = bit;
  return frames.map((frame) => {
    const copy = frame.slice();
    const byte = copy[position >> 3];
    if (position >= 0 && byte !== undefined) copy[position >> 3] = byte ^ (1 << (position & 7));
    position -= 8 * frame.byteLength;
    return copy;
  });
}

const lengthBits = (frames: readonly Uint8Array[]): number =>
  8 * frames.reduce((total, frame) => total + frame.byteLength, 0);

describe('codec', () => {
  it('gives back message, stamp and payload, the payload uncopied and with its digest', () => {
    const payload = new Uint8Array([1, 2, 3]);
    const letter = read(encodeMessage(digestOf, GRADIENT, STAMP, [payload]));
    expect(letter).toMatchObject({ message: GRADIENT, stamp: STAMP, payloadDigests: [digestOf(payload)] });
    expect(letter.payload[0]).toBe(payload);
    expect(read(encodeMessage(digestOf, HELLO, STAMP))).toMatchObject({ message: HELLO, payload: [] });
  });

  it('takes along how long an answer took, when it is told', () => {
    const times = { waitedMs: 0.25, workedMs: 1000 };
    const vitals = { residentBytes: 1e8, cpuSeconds: 1.5, metrics: 'http://127.0.0.1:9/' };
    expect(read(encodeMessage(digestOf, HELLO, STAMP, [], [], { times, vitals }))).toMatchObject({ times, vitals });
    expect(read(encodeMessage(digestOf, HELLO, STAMP))).toMatchObject({ times: undefined, vitals: undefined });
  });

  it('takes digests that the sender has already', () => {
    const payload = new Uint8Array([1, 2, 3]);
    const known = encodeMessage(digestOf, GRADIENT, STAMP, [payload], [digestOf(payload)]);
    expect(known).toEqual(encodeMessage(digestOf, GRADIENT, STAMP, [payload]));
  });

  it.each([Number.NaN, Infinity, -Infinity])('lets a loss of %s through: the run has diverged', (lossSum) => {
    const { message } = read(encodeMessage(digestOf, { ...GRADIENT, lossSum }, STAMP, [EMPTY]));
    expect(message).toMatchObject({ type: 'gradient', lossSum: Number.NaN });
  });

  it('starts with a readable preamble', () => {
    const [first] = encodeMessage(digestOf, HELLO, STAMP);
    expect(new TextDecoder().decode(first)).toMatch(/^lockstep\/8 \{"stamp":\{"conversation":4,.*\}\} [0-9a-f]{16}$/);
  });

  it.each([
    ['1', encoder.encode('lockstep/1 {"type":"hello"}')],
    ['3', sealed('{"of":"another form"}', 3)],
    ['9', sealed('', 9)],
  ])('names version %s as another version', (version, frame) => {
    const read = decodeWorkerMessage(digestOf, [frame]);
    expect(read).toMatchObject({ problem: 'version', what: expect.stringContaining(`protocol ${version}`) });
  });

  it('carries whatever a log says, as many lines as it takes and each as long as it takes', () => {
    const failure = { kind: 'internal', what: 'out of paper', hint: '' } as const;
    const failed = { type: 'failed', run: 'r', failure, stack: 'at x', log: [] } as const;
    const line = fc.string({ unit: 'binary', maxLength: LOG_LINE_LENGTH_MAX + 5 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: LOG_LINES_MAX + 5 }), (lines) => {
        const { message } = read(
          encodeMessage(
            digestOf,
            withLog(failed, () => lines),
            STAMP,
          ),
        );
        const cut = lines.slice(-LOG_LINES_MAX).map((text) => text.slice(0, LOG_LINE_LENGTH_MAX));
        expect(message).toEqual({ ...failed, log: cut });
      }),
    );
    expect(withLog(GRADIENT, () => ['no use'])).toBe(GRADIENT);
  });

  it.each([
    ['too many lines', Array<string>(LOG_LINES_MAX + 1).fill('x')],
    ['a line that is too long', ['x'.repeat(LOG_LINE_LENGTH_MAX + 1)]],
    ['no text', [7]],
  ])('refuses a log with %s', (_what, log) => {
    const message = { type: 'failed', run: 'r', failure: { kind: 'io', what: '', hint: '' }, stack: '', log };
    expect(problemOf([header({ stamp: STAMP, payload: [], message })])).toBe('damaged');
    expect(problemOf([header({ stamp: STAMP, payload: [], message: { ...message, log: [] } })])).toBeUndefined();
  });

  it('keeps ids of characters and names outside ASCII as they are', () => {
    const host = 'h\u00f6st-\u{1f680}';
    expect(read(encodeMessage(digestOf, { ...HELLO, host }, STAMP)).message).toMatchObject({ host });
  });
});

describe('damage', () => {
  it('by any single bit is refused, in the header and in the payload', () => {
    for (const frames of [
      encodeMessage(digestOf, GRADIENT, STAMP, [Uint8Array.from({ length: 40 }, (_, index) => index * 7)]),
      encodeMessage(digestOf, HELLO, STAMP),
    ]) {
      expect(problemOf(frames)).toBeUndefined();
      for (let bit = 0; bit < lengthBits(frames); bit += 1) {
        expect(problemOf(withBitFlipped(frames, bit)), `bit ${bit}`).toBe('damaged');
      }
    }
  });

  it('by any bit of any payload is refused', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300_000 });
    fc.assert(
      fc.property(bytes, fc.nat(), (payload, place) => {
        const frames = encodeMessage(digestOf, GRADIENT, STAMP, [payload]);
        const headerBits = 8 * (frames[0]?.byteLength ?? 0);
        const bit = headerBits + (place % (8 * payload.byteLength));
        expect(problemOf(withBitFlipped(frames, bit))).toBe('damaged');
      }),
      { numRuns: 50 },
    );
  });

  it('by cutting off is refused, wherever it is cut', () => {
    const frames = encodeMessage(digestOf, GRADIENT, STAMP, [Uint8Array.from({ length: 20 }, (_, index) => index)]);
    const [first = EMPTY, payload = EMPTY] = frames;
    for (let length = 0; length < first.byteLength; length += 1) {
      expect(problemOf([first.subarray(0, length), payload]), `header of ${length}`).toBe('damaged');
    }
    for (let length = 0; length < payload.byteLength; length += 1) {
      expect(problemOf([first, payload.subarray(0, length)]), `payload of ${length}`).toBe('damaged');
    }
  });

  it('by taking the payload of another message is refused', () => {
    const [first = EMPTY] = encodeMessage(digestOf, GRADIENT, STAMP, [Uint8Array.of(1)]);
    const [, payload = EMPTY] = encodeMessage(digestOf, GRADIENT, STAMP, [Uint8Array.of(2)]);
    expect(problemOf([first, payload])).toBe('damaged');
  });
});

describe('what is no message', () => {
  it.each([
    ['no frame', []],
    ['an empty header', [EMPTY]],
    ['bytes that are no text', [new Uint8Array([0xff, 0xfe])]],
    ['a request of another protocol', [encoder.encode('GET / HTTP/1.1\r\n')]],
    ['a preamble alone', [encoder.encode(`lockstep/${PROTOCOL_VERSION} `)]],
    ['broken JSON', [sealed('{"')]],
    ['a wrong checksum', [altered({}).fill(0x30, -16), EMPTY]],
    ['JSON that is no header', [header(null)]],
    ['no stamp', [header({ payload: [], message: HELLO })]],
    ['a negative sequence', [altered({}, { stamp: { conversation: 0, sequence: -1 } }), EMPTY]],
    ['something beside the message', [altered({}, { more: 1 }), EMPTY]],
    ['an unknown type', [altered({ type: 'nonsense' }), EMPTY]],
    ['an unknown field', [altered({ extra: 1 }), EMPTY]],
    ['a negative shard', [altered({ shard: -1 }), EMPTY]],
    ['a missing payload', [altered({})]],
    ['a payload too many', [altered({}), EMPTY, EMPTY]],
    ['a payload without its digest', [altered({}, { payload: [] }), EMPTY]],
    ['an oversized header', [new Uint8Array(LIMITS.headerLengthBytes + 1)]],
  ])('is refused: %s', (_, frames) => {
    expect(problemOf(frames)).toBe('damaged');
  });

  it('is not refused for what these tests put around it', () => {
    expect(problemOf([altered({}), EMPTY])).toBeUndefined();
  });

  it('is a worker to whom expects a coordinator', () => {
    const frames = encodeMessage(digestOf, GRADIENT, STAMP, [EMPTY]);
    expect(decodeCoordinatorMessage(digestOf, frames)).toMatchObject({ problem: 'damaged' });
  });

  it('never throws, whatever the bytes', () => {
    const typed = fc.record({
      type: fc.constantFrom('hello', 'ready', 'gradient', 'snapshot', 'leave'),
      run: fc.anything(),
      step: fc.anything(),
    });
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => sealed(json)),
      typed.map((message) => header({ stamp: STAMP, payload: [], message })),
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
        for (const decode of [decodeWorkerMessage, decodeCoordinatorMessage]) {
          const read = decode(digestOf, frames);
          expect('problem' in read ? read.what : read.message.type).toBeTypeOf('string');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
