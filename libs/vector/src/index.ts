export { vectorsTogether } from './memory.js';
export type { AdamNumbers } from './memory.js';
export {
  adamInPlace,
  addInPlace,
  addTogether,
  allFinite,
  descendInPlace,
  divideInPlace,
  meanTogether,
  packBfloat16,
  scaleInPlace,
  unpackBfloat16,
} from './operations.js';
