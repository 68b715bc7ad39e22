/**
 * `npm run wasm`: compiles libs/vector/src/loops.wat and writes the bytes into a TypeScript file beside it, because the
 * core libraries read no files. A test compares the two, byte for byte.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openWabt from 'wabt';
import { root } from './stamps.mjs';

const SOURCE = join(root, 'libs/vector/src/loops.wat');
export const TARGET = join(root, 'libs/vector/src/loops-wasm.ts');
const COLUMNS_MAX = 120;

/** The text of the file that the source of today stands for. */
export async function loopsWasm() {
  const wabt = await openWabt();
  const module = wabt.parseWat('loops.wat', readFileSync(SOURCE, 'utf8'), { simd: true });
  try {
    return sourceFile(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** @param {Uint8Array} bytes */
function sourceFile(bytes) {
  const lines = [''];
  for (const byte of bytes) {
    const next = `${lines.at(-1)}${lines.at(-1) === '' ? '  ' : ' '}${byte},`;
    if (next.length <= COLUMNS_MAX) lines[lines.length - 1] = next;
    else lines.push(`  ${byte},`);
  }
  const idea = `loops.wat, compiled (${bytes.length} bytes). Written by \`npm run wasm\`; not to be changed by hand.`;
  return `/** ${idea} */\nexport const LOOPS_WASM = Uint8Array.of(\n${lines.join('\n')}\n);\n`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(TARGET, await loopsWasm());
}
