/**
 * How a vector is divided among workers that sum it together: in slices of whole blocks of squares, as equal as they
 * can be, so that norm and sums have the bits of one process that does it all.
 */
import { invariant } from '@lockstep/config';
import { SQUARES_BLOCK_LENGTH } from './finish.js';

/** Values [start, end) of a vector. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/**
 * The slices of a vector, one for each member, in order and without gaps; some are empty when blocks are few.
 * @param length values in the vector
 */
export function slicesOf(length: number, members: number, blockLength = SQUARES_BLOCK_LENGTH): readonly Slice[] {
  invariant(members > 0, `a vector is divided among ${members} members`);
  const blocks = Math.ceil(length / blockLength);
  const bound = (member: number): number => Math.min(length, Math.floor((member * blocks) / members) * blockLength);
  return Array.from({ length: members }, (_, member) => ({ start: bound(member), end: bound(member + 1) }));
}

/** A slice in pieces of whole blocks, for sums to begin before all of it has come. */
export function piecesOf({ start, end }: Slice, pieceLength: number): readonly Slice[] {
  const pieces: Slice[] = [];
  for (let from = start; from < end; from += pieceLength) {
    pieces.push({ start: from, end: Math.min(end, from + pieceLength) });
  }
  return pieces;
}
