/** Says aloud that a newer checkpoint could not be used: nobody should go on from an older one without knowing. */
import type { BadCheckpoint } from '@lockstep/checkpoint';

export function warnPassedOver({ path, reason }: BadCheckpoint): void {
  process.stderr.write(`lockstep: passed over ${path}: ${reason}\n`);
}
