import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAREWELL, PROBE, fromWire, toWire } from './wire.js';

const frame = fc.uint8Array({ maxLength: 4 });

describe('the wire', () => {
  it('gives back any message, and takes none for a signal', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 64 }), (frames) => {
        expect(fromWire(toWire(frames, 4))).toEqual({ type: 'message', frames });
      }),
    );
  });

  it('adds nothing to an ordinary message', () => {
    const frames = [Uint8Array.of(1), new Uint8Array(0)];
    expect(toWire(frames, 1)).toBe(frames);
  });

  it('knows its signals', () => {
    expect(fromWire(PROBE)).toEqual({ type: 'probe' });
    expect(fromWire(FAREWELL)).toEqual({ type: 'farewell' });
  });

  it('reads whatever a stranger sends as something, and hands on no message without frames', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 80 }), (frames) => {
        const received = fromWire(frames);
        if (received.type === 'message') expect(received.frames.length).toBeGreaterThan(0);
        else expect(frames.length === 0 || frames.length > 66 || frames[0]?.length === 0).toBe(true);
      }),
    );
  });

  it('refuses to send no frame, too many frames or one that is too large', () => {
    expect(() => toWire([], 1)).toThrow(/0 frames/);
    expect(() => toWire(Array.from({ length: 65 }, () => new Uint8Array(1)), 1)).toThrow(/65 frames/);
    expect(() => toWire([new Uint8Array(2)], 1)).toThrow(/2 bytes is over 1/);
  });
});
