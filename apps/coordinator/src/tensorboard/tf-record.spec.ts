import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { versionEvent } from './event-message.js';
import { recordsIn, tfRecord } from './tf-record.js';

async function* inPieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let begin = 0; begin < bytes.length; begin += pieceBytes) yield bytes.subarray(begin, begin + pieceBytes);
}

async function read(bytes: Buffer, pieceBytes = 7): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const data of recordsIn(inPieces(bytes, pieceBytes))) found.push(data.toString('hex'));
  return found;
}

const recordsOf = (all: readonly Uint8Array[]): Buffer => Buffer.concat(all.map(tfRecord));
const hex = (all: readonly Uint8Array[]): readonly string[] => all.map((data) => Buffer.from(data).toString('hex'));
const someData = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });

describe('CRC32C', () => {
  it.each([
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
    ['the check value', Buffer.from('123456789'), 0xe3069283],
  ])('of %s is that of RFC 3720', (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });
});

describe('a record', () => {
  it('begins as every event file of TensorFlow does, whose first event has 24 bytes', () => {
    const record = Buffer.from(tfRecord(versionEvent(1_700_000_000).subarray(0, 24)));
    expect(record.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
    expect(record).toHaveLength(8 + 4 + 24 + 4);
  });

  it('comes back, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(someData, fc.integer({ min: 1, max: 100 }), async (all, pieceBytes) => {
        expect(await read(recordsOf(all), pieceBytes)).toEqual(hex(all));
      }),
    );
  });

  it('that is torn ends the file before it', async () => {
    await fc.assert(
      fc.asyncProperty(someData, fc.nat(), async (all, at) => {
        const bytes = recordsOf(all);
        const length = at % (bytes.length + 1);
        let [whole, end] = [0, 0];
        for (const data of all) {
          end += tfRecord(data).length;
          if (end <= length) whole += 1;
        }
        expect(await read(bytes.subarray(0, length))).toEqual(hex(all.slice(0, whole)));
      }),
    );
  });

  it('with any bit flipped ends the file before it', async () => {
    const all = [Buffer.from('first'), Buffer.from('second')];
    const firstBytes = tfRecord(Buffer.from('first')).length;
    for (let bit = 0; bit < 8 * tfRecord(Buffer.from('second')).length; bit += 1) {
      const bytes = recordsOf(all);
      const place = firstBytes + (bit >> 3);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit & 7));
      expect(await read(bytes)).toEqual(hex(all.slice(0, 1)));
    }
  });
});
