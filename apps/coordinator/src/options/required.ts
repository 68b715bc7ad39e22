/** Options a command cannot do without may come from the environment too, so yargs cannot demand them. */
import { LockstepError, environmentName, flagName } from '@lockstep/config';

export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new LockstepError('usage', `--${flagName(name)} is missing`, `give it, or set ${environmentName(name)}`);
}
