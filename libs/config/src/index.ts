export { EXIT_CODES, LockstepError, invariant, toLockstepError } from './errors.js';
export type { ErrorKind } from './errors.js';
