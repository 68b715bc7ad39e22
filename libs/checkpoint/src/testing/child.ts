/**
 * Code of this library in a process of its own, so that tests can kill it, limit it and race it. The module is
 * bundled from its source, because a plain Node process cannot load TypeScript.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll } from 'vitest';

/** Machine code cannot be bundled: it is loaded from where it is. */
const NATIVE = '@node-rs/xxhash';
const NATIVE_URL = pathToFileURL(createRequire(import.meta.url).resolve(NATIVE)).href;

const started: ChildProcess[] = [];

// A test that failed half-way must not leave its children waiting for ever.
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** Bundles a module next to the calling spec once, before its tests; the function gives the path of the bundle. */
export function bundledProgram(moduleUrl: URL): () => string {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-child-'));
    await build({
      configFile: false,
      logLevel: 'silent',
      ssr: {
        noExternal: true,
        external: [NATIVE],
        resolve: { conditions: ['@lockstep/source', 'module', 'node', 'default'] },
      },
      build: {
        ssr: fileURLToPath(moduleUrl),
        outDir: folder,
        rollupOptions: { output: { entryFileNames: 'program.mjs', paths: { [NATIVE]: NATIVE_URL } } },
      },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return () => join(folder, 'program.mjs');
}

export interface Child {
  readonly process: ChildProcess;
  /** The next line the child prints; null when it has ended. */
  nextLine(): Promise<string | null>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string | null>;
}

/** Starts a program; its standard error is ours. */
export function startChild(command: string, args: readonly string[]): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const lines = readLines(child.stdout);
  return {
    process: child,
    nextLine: async () => {
      const next = await lines.next();
      return next.done === true ? null : next.value;
    },
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal));
    }),
  };
}

async function* readLines(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
