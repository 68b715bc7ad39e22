/** Which endpoint Prometheus is to ask, and how that changes: a coordinator that is started again may have another. */
import { readRunFile } from '@lockstep/checkpoint';
import type { RunFile } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { isOver } from '../commands/find-run.js';

/** Where a coordinator answers when nobody has said otherwise. */
export const USUAL_TARGET = '127.0.0.1:9580';

/** Host and port of the endpoint of a run; null when it serves no metrics. */
export function targetOf({ metrics }: RunFile): string | null {
  return metrics === null ? null : new URL(metrics).host;
}

/**
 * A target as a user gives it.
 * @throws LockstepError 'usage'
 */
export function checkTarget(target: string): string {
  const url = URL.canParse(`http://${target}`) ? new URL(`http://${target}`) : null;
  if (url !== null && url.port !== '' && url.host === target.toLowerCase()) return url.host;
  throw new LockstepError('usage', `--target ${target} is no host and port`, 'give it as in --target 127.0.0.1:9580');
}

export interface Sight {
  /** Host and port; null when it serves no metrics. */
  readonly target: string | null;
  readonly isOver: boolean;
}

/** How the run stands now; null when its file cannot be read at the moment. */
export async function look(directory: string): Promise<Sight | null> {
  return readRunFile(directory).then(
    (file) => ({ target: targetOf(file), isOver: isOver(file) }),
    () => null,
  );
}
