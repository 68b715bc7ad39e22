import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, prefixOf, PULSE } from './framing.js';

const LONGEST = 300;

function onWire(messages: readonly (readonly Uint8Array[])[]): Uint8Array {
  const parts = messages.flatMap((frames) => (frames.length === 0 ? [PULSE] : [prefixOf(frames), ...frames]));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Reads a stream in pieces of these lengths, as the system would fill the room that is offered. */
function readIn(stream: Uint8Array, sizes: readonly number[]): Uint8Array[][] {
  const messages: Uint8Array[][] = [];
  const reader = new FrameReader(LONGEST, (frames) => messages.push(frames.map((frame) => frame.slice())));
  for (let start = 0, turn = 0; start < stream.length; turn += 1) {
    const room = reader.room();
    const count = Math.min(room.byteLength, stream.length - start, sizes[turn % sizes.length] ?? 1);
    room.set(stream.subarray(start, start + count));
    start += count;
    reader.filled(count);
  }
  return messages;
}

const messages = fc.array(fc.array(fc.uint8Array({ maxLength: LONGEST }), { maxLength: 5 }), { maxLength: 8 });

describe('messages in a stream', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sent, sizes) => {
        const expected = sent.filter(({ length }) => length > 0);
        expect(readIn(onWire(sent), sizes)).toEqual(expected);
        const taken: Uint8Array[][] = [];
        const reader = new FrameReader(LONGEST, (frames) => taken.push(frames.map((frame) => frame.slice())));
        const stream = onWire(sent);
        for (let start = 0, turn = 0; start < stream.length; turn += 1) {
          const end = start + (sizes[turn % sizes.length] ?? 1);
          reader.take(stream.subarray(start, end));
          start = end;
        }
        expect(taken).toEqual(expected);
      }),
    );
  });

  it('lie where floats can be read', () => {
    let offsets: number[] = [];
    const reader = new FrameReader(LONGEST, (frames) => (offsets = frames.map(({ byteOffset }) => byteOffset % 64)));
    reader.take(onWire([[new Uint8Array(3), new Uint8Array(8), new Uint8Array(5)]]));
    expect(offsets).toEqual([0, 0, 0]);
  });

  it('are read into the same memory again', () => {
    const buffers = new Set<ArrayBufferLike>();
    const reader = new FrameReader(LONGEST, ([frame]) => buffers.add(frame?.buffer ?? new ArrayBuffer(0)));
    reader.take(onWire([[new Uint8Array(200)], [new Uint8Array(100)], [new Uint8Array(200)]]));
    expect(buffers.size).toBe(1);
  });

  it.each([
    ['a frame over the limit', Uint8Array.from([1, 0, 0, 0, 45, 1, 0, 0])],
    ['a frame of 4 GB', Uint8Array.from([1, 0, 0, 0, 255, 255, 255, 255])],
    ['too many frames', Uint8Array.from([65, 0, 0, 0])],
    ['a request of the web', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')],
  ])('are refused before any memory is taken: %s', (_, bytes) => {
    const reader = new FrameReader(LONGEST, () => undefined);
    expect(() => reader.take(bytes)).toThrow(expect.objectContaining({ name: 'LockstepError', kind: 'protocol' }));
  });

  it('ask for bytes until they are refused, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        const reader = new FrameReader(LONGEST, () => undefined);
        try {
          for (const chunk of chunks) {
            reader.take(chunk);
            expect(reader.room().byteLength).toBeGreaterThan(0);
          }
        } catch (error) {
          expect(error).toMatchObject({ name: 'LockstepError', kind: 'protocol' });
        }
      }),
    );
  });
});
