/**
 * A disk that passes the fault points of a checkpoint, for tests that ask for them by environment: C6 when one of its
 * files is begun, C7 when its folder has been renamed and the rename is not yet flushed.
 */
import type { Disk } from '@lockstep/checkpoint';
import type { FaultPoint } from '@lockstep/worker';

/** Steps done, from the name of a checkpoint or of the folder in which it grows; undefined for any other path. */
function stepOf(path: string): number | undefined {
  const digits = /[/\\](?:\.tmp-)?step-(\d+)[^/\\]*(?:[/\\][^/\\]*)?$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function diskWithFaultPoints(disk: Disk, pass: FaultPoint): Disk {
  const passAt = (point: string, path: string): void => {
    const step = stepOf(path);
    if (step !== undefined) pass(point, { step });
  };
  return {
    ...disk,
    open: async (path, flags) => {
      const file = await disk.open(path, flags);
      if (flags === 'wx') passAt('C6', path);
      return file;
    },
    rename: async (from, to) => {
      await disk.rename(from, to);
      passAt('C7', to);
    },
  };
}
