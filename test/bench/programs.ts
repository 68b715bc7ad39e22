/**
 * The children that run lockstep itself, compiled from TypeScript into one folder. They import the built packages, as
 * an installed lockstep does: neither a test's loader nor a transform may stand between the clock and the code.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const SOURCES = {
  step: new URL('./programs/step.ts', import.meta.url),
  star: new URL('./programs/star.ts', import.meta.url),
  mesh: new URL('./programs/mesh.ts', import.meta.url),
  socket: new URL('./programs/socket.ts', import.meta.url),
  optimizer: new URL('./programs/optimizer.ts', import.meta.url),
  overhead: new URL('./programs/overhead.ts', import.meta.url),
  sample: new URL('./programs/sample.ts', import.meta.url),
  memory: new URL('./programs/memory.ts', import.meta.url),
  cluster: new URL('./programs/cluster.ts', import.meta.url),
  matmul: new URL('./programs/matmul.ts', import.meta.url),
} as const;

export type ProgramName = keyof typeof SOURCES;
export type Programs = Readonly<Record<ProgramName, string>>;

/** @param folder inside the repository, so that packages are found */
export async function buildPrograms(folder: string): Promise<Programs> {
  const entries = Object.entries(SOURCES).map(([name, url]) => [name, fileURLToPath(url)] as const);
  await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: true,
      target: 'node20',
      minify: false,
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: {
        input: Object.fromEntries(entries),
        external: [/^[^./]/],
        output: { entryFileNames: '[name].mjs', chunkFileNames: 'shared/[name].mjs' },
      },
    },
  });
  const path = (name: ProgramName): string => join(folder, `${name}.mjs`);
  return {
    step: path('step'),
    star: path('star'),
    mesh: path('mesh'),
    socket: path('socket'),
    optimizer: path('optimizer'),
    overhead: path('overhead'),
    sample: path('sample'),
    memory: path('memory'),
    cluster: path('cluster'),
    matmul: path('matmul'),
  };
}
