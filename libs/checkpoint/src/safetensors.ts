/**
 * Tensors by name in one file that every framework reads: the safetensors format, float32 only. The reader trusts
 * nothing: see safetensors-header.ts for what is checked before data is read. Names and shapes are the caller's to
 * compare with its layout.
 */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { invariant } from '@lockstep/config';
import { bytesOf } from '@lockstep/reduce';
import { withIoErrors } from './io-error.js';
import { IO_CHUNK_BYTES, SAFETENSORS_FILE_BYTES_MAX } from './limits.js';
import {
  FLOAT32_BYTES, LENGTH_PREFIX_BYTES, METADATA_KEY, elementCount, headerLength, parseHeader, refuseFile,
} from './safetensors-header.js';

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface NamedTensor extends Tensor {
  readonly name: string;
}

export interface SafetensorsFile {
  /** By name, in the order of the data. The values share one buffer of the data's size. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly lengthBytes: number;
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * The parts of a safetensors file, in order; the data parts are views of the given values, not copies.
 * The header is padded with spaces so that the data begins at a multiple of 8 bytes.
 */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA_KEY, metadata);
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    invariant(name !== METADATA_KEY && !header.has(name), `tensor name ${name} is free`);
    invariant(elementCount(shape) === values.length, `tensor ${name} has the elements of its shape`);
    header.set(name, { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] });
    offset += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const paddedLength = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(LENGTH_PREFIX_BYTES + paddedLength).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(paddedLength), true);
  start.set(json, LENGTH_PREFIX_BYTES);
  return [start, ...tensors.map(({ values }) => bytesOf(values))];
}

/**
 * Reads and checks a whole file, hashing it on the way, so that what is verified is what is used.
 * @throws LockstepError 'data' when the file is not a sound float32 safetensors file, 'io' when it cannot be read
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const { size } = await withIoErrors('read', path, () => stat(path)).then((status) => {
    // Opening a pipe would wait for a writer for ever.
    if (!status.isFile()) refuseFile(path, 'it is not a regular file');
    return status;
  });
  if (size > SAFETENSORS_FILE_BYTES_MAX) {
    refuseFile(path, `it has ${size} bytes, at most ${SAFETENSORS_FILE_BYTES_MAX} are read`);
  }
  return withIoErrors('read', path, async () => {
    const handle = await open(path, 'r');
    try {
      return await readParts(handle, size, path);
    } finally {
      await handle.close();
    }
  });
}

async function readParts(handle: FileHandle, lengthBytes: number, path: string): Promise<SafetensorsFile> {
  const prefix = await readExactly(handle, Math.min(LENGTH_PREFIX_BYTES, lengthBytes), path);
  const jsonLength = headerLength(prefix, lengthBytes, path);
  const json = await readExactly(handle, jsonLength, path);
  const dataLength = lengthBytes - LENGTH_PREFIX_BYTES - jsonLength;
  const header = parseHeader(json, dataLength, path);
  const hash = createHash('sha256').update(prefix).update(json);
  const data = await readExactly(handle, dataLength, path, (piece) => hash.update(piece));
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, begin, end } of header.ranges) {
    tensors.set(name, { shape, values: new Float32Array(data.buffer, begin, (end - begin) / FLOAT32_BYTES) });
  }
  return { tensors, metadata: header.metadata, lengthBytes, sha256: hash.digest('hex') };
}

/** Reads so many bytes into fresh memory of exactly that size, in pieces that leave the event loop free. */
async function readExactly(
  handle: FileHandle,
  lengthBytes: number,
  path: string,
  onPiece: (piece: Uint8Array) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(lengthBytes);
  let filled = 0;
  while (filled < lengthBytes) {
    const { bytesRead } = await handle.read(bytes, filled, Math.min(IO_CHUNK_BYTES, lengthBytes - filled));
    if (bytesRead === 0) refuseFile(path, `it shrank to ${filled} bytes while it was read`);
    onPiece(bytes.subarray(filled, filled + bytesRead));
    filled += bytesRead;
  }
  return bytes;
}
