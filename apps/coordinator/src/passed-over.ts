/** Says aloud that a newer checkpoint could not be used: nobody should go on from an older one without knowing. */
import type { BadCheckpoint } from '@lockstep/checkpoint';
import { printable } from './views/printable.js';

export function warnPassedOver({ path, reason }: BadCheckpoint): void {
  process.stderr.write(`lockstep: passed over ${printable(path)}: ${printable(reason)}\n`);
}
