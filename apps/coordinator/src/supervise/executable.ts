/** The program that the processes of a run are started from: this very one. */
import { fileURLToPath } from 'node:url';

export const EXECUTABLE = fileURLToPath(new URL('../../bin/lockstep.mjs', import.meta.url));
