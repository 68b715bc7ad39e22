/** Writes so many bytes to a path atomically and prints how that went. */
import { LockstepError } from '@lockstep/config';
import { atomicWrite } from '../atomic-write.js';

const [path = '', lengthBytes = ''] = process.argv.slice(2);
try {
  await atomicWrite(path, new Uint8Array(Number(lengthBytes)).fill(0x2e));
  process.stdout.write('written\n');
} catch (thrown) {
  process.stdout.write(`${thrown instanceof LockstepError ? `${thrown.kind}: ${thrown.line}` : String(thrown)}\n`);
}
