import { LockstepError } from '@lockstep/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCoordinatorMessage, decodeWorkerMessage, encodeMessage } from './codec.js';
import type { WorkerMessage } from './messages.js';

const GRADIENT: WorkerMessage = {
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
};
const encoder = new TextEncoder();

function protocolError(act: () => unknown): LockstepError {
  try {
    act();
  } catch (error) {
    if (error instanceof LockstepError && error.kind === 'protocol') return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('codec', () => {
  it('gives back message and payload, the payload uncopied', () => {
    const payload = new Uint8Array([1, 2, 3]);
    const frames = encodeMessage(GRADIENT, [payload]);
    const decoded = decodeWorkerMessage(frames);
    expect(decoded.message).toEqual(GRADIENT);
    expect(decoded.payload[0]).toBe(payload);
  });

  it.each([Number.NaN, Infinity, -Infinity])('lets a loss of %s through: the run has diverged', (lossSum) => {
    const { message } = decodeWorkerMessage(encodeMessage({ ...GRADIENT, lossSum }, [new Uint8Array()]));
    expect(message).toMatchObject({ type: 'gradient', lossSum: Number.NaN });
  });

  it('starts with a readable preamble', () => {
    expect(new TextDecoder().decode(encodeMessage(GRADIENT, [])[0])).toMatch(/^lockstep\/1 \{"type":"gradient"/);
  });

  it('names the other version', () => {
    const frames = [encoder.encode('lockstep/7 {"type":"hello"}')];
    expect(protocolError(() => decodeWorkerMessage(frames)).message).toContain('protocol 7');
  });

  it.each([
    ['no frame', []],
    ['an empty header', [new Uint8Array()]],
    ['bytes that are no text', [new Uint8Array([0xff, 0xfe])]],
    ['a request of another protocol', [encoder.encode('GET / HTTP/1.1\r\n')]],
    ['broken JSON', [encoder.encode('lockstep/1 {"type":')]],
    ['an unknown type', [encoder.encode('lockstep/1 {"type":"nonsense"}')]],
    ['an unknown field', [encoder.encode(`lockstep/1 ${JSON.stringify({ ...GRADIENT, extra: 1 })}`), new Uint8Array()]],
    [
      'a negative shard',
      [encoder.encode(`lockstep/1 ${JSON.stringify({ ...GRADIENT, shard: -1 })}`), new Uint8Array()],
    ],
    ['a missing payload', encodeMessage(GRADIENT, [])],
    ['a payload too many', encodeMessage(GRADIENT, [new Uint8Array(), new Uint8Array()])],
    ['an oversized header', [new Uint8Array((1 << 20) + 1)]],
  ])('refuses %s', (_, frames) => {
    protocolError(() => decodeWorkerMessage(frames));
  });

  it('does not take a worker for a coordinator', () => {
    protocolError(() => decodeCoordinatorMessage(encodeMessage(GRADIENT, [new Uint8Array()])));
  });

  it('answers any bytes with a message or a protocol error', () => {
    const header = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => encoder.encode(`lockstep/1 ${json}`)),
      fc
        .record({
          type: fc.constantFrom('hello', 'ready', 'gradient', 'snapshot', 'leave'),
          run: fc.anything(),
          step: fc.anything(),
        })
        .map((fields) => encoder.encode(`lockstep/1 ${JSON.stringify(fields)}`)),
    );
    fc.assert(
      fc.property(fc.array(header, { maxLength: 4 }), (frames) => {
        try {
          decodeWorkerMessage(frames);
        } catch (error) {
          expect(error).toMatchObject({ name: 'LockstepError', kind: 'protocol' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
