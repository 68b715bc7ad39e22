/**
 * The framing of TensorFlow's record files: length, masked CRC32C of the length, data, masked CRC32C of the data, all
 * little-endian. What a crash has torn is only the last record, and readers stop there.
 */
import { crc32c } from '@node-rs/crc32';

const LENGTH_BYTES = 8;
const SUM_BYTES = 4;
const HEAD_BYTES = LENGTH_BYTES + SUM_BYTES;

/** Turned and shifted, so that the sum of data that hold sums of their own is no weaker. */
function maskedSum(bytes: Buffer): number {
  const sum = crc32c(bytes);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

/** One record around these data. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(HEAD_BYTES + data.length + SUM_BYTES);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedSum(record.subarray(0, LENGTH_BYTES)), LENGTH_BYTES);
  record.set(data, HEAD_BYTES);
  const end = HEAD_BYTES + data.length;
  record.writeUInt32LE(maskedSum(record.subarray(HEAD_BYTES, end)), end);
  return record;
}

/** The data of each sound record; ends before the first that is torn or damaged. */
export async function* recordsIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const found = firstRecord(rest);
      if (found === 'damaged') return;
      if (found === 'torn') break;
      yield found.data;
      rest = rest.subarray(found.end);
    }
  }
}

/** Far above any that we write: what says that it is longer is damaged, and not to be waited for. */
const DATA_BYTES_MAX = 16_000_000;

function firstRecord(bytes: Buffer): { readonly data: Buffer; readonly end: number } | 'torn' | 'damaged' {
  if (bytes.length < HEAD_BYTES) return 'torn';
  if (maskedSum(bytes.subarray(0, LENGTH_BYTES)) !== bytes.readUInt32LE(LENGTH_BYTES)) return 'damaged';
  const length = bytes.readBigUInt64LE(0);
  if (length > DATA_BYTES_MAX) return 'damaged';
  const end = HEAD_BYTES + Number(length);
  if (bytes.length < end + SUM_BYTES) return 'torn';
  const data = bytes.subarray(HEAD_BYTES, end);
  return maskedSum(data) === bytes.readUInt32LE(end) ? { data, end: end + SUM_BYTES } : 'damaged';
}
