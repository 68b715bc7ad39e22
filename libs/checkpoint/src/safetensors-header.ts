/**
 * The header of a safetensors file, checked before a byte of data is read: 8 bytes of little-endian header length,
 * then JSON that maps a name to dtype, shape and byte range, then the data. Whatever passes here has ranges that tile
 * the data exactly, so no reader can be led outside the file, into another tensor, or into an allocation larger than
 * the file. Format: the README of huggingface/safetensors.
 */
import { LockstepError } from '@lockstep/config';
import { z } from 'zod';
import { SAFETENSORS_HEADER_BYTES_MAX, TENSOR_RANK_MAX, TENSORS_MAX } from './limits.js';
import { parseStrictJson } from './strict-json.js';

export const LENGTH_PREFIX_BYTES = 8;
export const FLOAT32_BYTES = 4;
export const METADATA_KEY = '__metadata__';

/** One tensor's place; `begin` and `end` count bytes from the start of the data. */
export interface TensorRange {
  readonly name: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly ranges: readonly TensorRange[];
  readonly metadata: ReadonlyMap<string, string>;
}

const count = z.int().nonnegative();

const tensorSchema = z.strictObject({
  dtype: z.enum(['F32']),
  shape: z.array(count).max(TENSOR_RANK_MAX),
  data_offsets: z.tuple([count, count]),
});
const metadataSchema = z.record(z.string(), z.string());

/** Throws the 'data' error of a file that cannot be used. */
export function refuseFile(path: string, reason: string): never {
  const hint = 'the file is torn, altered or of another kind; use an intact copy';
  throw new LockstepError('data', `${path}: ${reason}`, hint);
}

/** Elements of a shape; null where the product is no safe integer (a product that wraps is the classic attack). */
export function elementCount(shape: readonly number[]): number | null {
  let product = 1;
  for (const dimension of shape) {
    product *= dimension;
    if (!Number.isSafeInteger(product)) return null;
  }
  return product;
}

/**
 * Length in bytes of the JSON header.
 * @param prefix the first bytes of the file, at most 8
 */
export function headerLength(prefix: Uint8Array, fileLengthBytes: number, path: string): number {
  if (prefix.length < LENGTH_PREFIX_BYTES) refuseFile(path, `it ends after ${prefix.length} bytes, before its header`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(fileLengthBytes - LENGTH_PREFIX_BYTES)) {
    refuseFile(path, `its header claims ${length} bytes, the file has ${fileLengthBytes}`);
  }
  if (length > BigInt(SAFETENSORS_HEADER_BYTES_MAX)) {
    refuseFile(path, `its header claims ${length} bytes, at most ${SAFETENSORS_HEADER_BYTES_MAX} are allowed`);
  }
  return Number(length);
}

/**
 * Parses and checks a header.
 * @throws LockstepError 'data' naming file and reason
 */
export function parseHeader(bytes: Uint8Array, dataLengthBytes: number, path: string): SafetensorsHeader {
  const parsed = parseObject(bytes, path);
  const names = Object.keys(parsed).filter((name) => name !== METADATA_KEY);
  if (names.length > TENSORS_MAX) {
    refuseFile(path, `it lists ${names.length} tensors, at most ${TENSORS_MAX} are allowed`);
  }
  const ranges = names.map((name) => tensorRange(name, parsed[name], path));
  ranges.sort((left, right) => left.begin - right.begin || left.end - right.end);
  checkTiling(ranges, dataLengthBytes, path);
  const metadata = metadataSchema.safeParse(METADATA_KEY in parsed ? parsed[METADATA_KEY] : {});
  if (!metadata.success) refuseFile(path, `its ${METADATA_KEY} is not an object of strings`);
  return { ranges, metadata: new Map(Object.entries(metadata.data)) };
}

function parseObject(bytes: Uint8Array, path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    refuseFile(path, 'its header is not UTF-8');
  }
  if (!text.startsWith('{')) refuseFile(path, 'its header does not begin with {');
  const parsed = parseStrictJson(text);
  if ('problem' in parsed) refuseFile(path, `bad header: ${parsed.problem}`);
  // JSON that begins with a brace is an object; an array or a scalar cannot come out of it.
  return parsed.value as Readonly<Record<string, unknown>>;
}

function tensorRange(name: string, description: unknown, path: string): TensorRange {
  const label = `tensor ${JSON.stringify(name.slice(0, 80))}`;
  const checked = tensorSchema.safeParse(description);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    refuseFile(path, `${label}: ${issue?.path.join('.') || 'description'}: ${issue?.message}`);
  }
  const { shape, data_offsets: [begin, end] } = checked.data;
  const elements = elementCount(shape);
  if (elements === null) refuseFile(path, `${label}: shape [${shape}] has too many elements`);
  const lengthBytes = elements * FLOAT32_BYTES;
  if (end - begin !== lengthBytes) {
    refuseFile(path, `${label}: shape [${shape}] needs ${lengthBytes} bytes, its offsets give ${end - begin}`);
  }
  return { name, shape, begin, end };
}

function checkTiling(ranges: readonly TensorRange[], dataLengthBytes: number, path: string): void {
  let covered = 0;
  for (const { name, begin, end } of ranges) {
    const label = `tensor ${JSON.stringify(name.slice(0, 80))}`;
    if (begin < covered) refuseFile(path, `${label} overlaps the one before it at byte ${begin}`);
    if (begin > covered) refuseFile(path, `bytes ${covered} to ${begin} before ${label} belong to no tensor`);
    covered = end;
  }
  const excess = dataLengthBytes - covered;
  if (excess < 0) refuseFile(path, `it is cut short: ${covered} bytes of data listed, ${dataLengthBytes} there`);
  if (excess > 0) refuseFile(path, `${excess} bytes after the last tensor belong to no tensor`);
}
