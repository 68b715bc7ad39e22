import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTROL_LENGTH_MAX,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from './control.js';
import type { ControlCommand } from './control.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a command to a running run', () => {
  it.each<ControlCommand>([
    { type: 'scale', workers: 3 },
    { type: 'drain', worker: 'local-1' },
    { type: 'reshard', shards: 8 },
  ])('%j arrives as it was sent', (command) => {
    const request = { run: 'r', command };
    expect(decodeControlRequest(encodeControlRequest(request))).toEqual(request);
  });

  it('is answered with a sentence, cut where it would be too long', () => {
    const long = { ok: false, text: 'x'.repeat(CONTROL_LENGTH_MAX) };
    const answer = decodeControlReply(encodeControlReply(long));
    expect(answer.ok).toBe(false);
    expect(answer.text).toHaveLength(8_000);
  });

  it.each([
    [[], /another size/],
    [[bytes('x'), bytes('y')], /another size/],
    [[new Uint8Array(CONTROL_LENGTH_MAX + 1)], /another size/],
    [[bytes('GET / HTTP/1.1')], /does not begin/],
    [[bytes('lockstep-control/1 {')], /not JSON/],
    [[new Uint8Array([0xff, 0xfe])], /not text/],
    [[bytes('lockstep-control/1 {"run":"r","command":{"type":"scale","workers":-1}}')], /command\.workers/],
    [[bytes('lockstep-control/1 {"run":"r","command":{"type":"halt"}}')], /wrong field command/],
  ])('%j is refused', (frames, pattern) => {
    expect(() => decodeControlRequest(frames)).toThrow(pattern);
  });

  it('ends as a LockstepError whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 3 }), (frames) => {
        expect(() => decodeControlRequest(frames)).toThrow(/^received /);
      }),
    );
  });
});
