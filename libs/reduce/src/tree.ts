/**
 * The one order of summation: a binary tree over shard index that depends on the number of shards alone. Floating-point
 * addition is not associative, so without it the arrival order of gradients would show in the weights.
 */
import { invariant } from '@lockstep/config';

/** A node [lo, hi) of two or more shards splits here: a full power of two goes left, so aligned blocks are subtrees. */
export function splitOf(lo: number, hi: number): number {
  invariant(hi - lo >= 2, `node [${lo}, ${hi}) is a leaf`);
  return lo + 2 ** (31 - Math.clz32(hi - lo - 1));
}

/**
 * Sums one float64 per shard (a loss sum) along the tree.
 * @param valuesByShard the value of every shard, in order of shard index
 */
export function sumScalars(valuesByShard: ArrayLike<number>): number {
  invariant(valuesByShard.length > 0, 'no shard to sum');
  return sumRange(valuesByShard, 0, valuesByShard.length);
}

/**
 * The tree as a list of additions, in an order in which each finds its parts ready: the left one takes up the right
 * one, and number 0 ends as the sum.
 * @param count number of things to add up, from 1
 */
export function treeAdditions(count: number): (readonly [left: number, right: number])[] {
  invariant(count > 0, 'nothing to add up');
  return additionsIn(0, count);
}

function additionsIn(lo: number, hi: number): (readonly [left: number, right: number])[] {
  if (hi - lo === 1) return [];
  const split = splitOf(lo, hi);
  return [...additionsIn(lo, split), ...additionsIn(split, hi), [lo, split]];
}

function sumRange(values: ArrayLike<number>, lo: number, hi: number): number {
  if (hi - lo === 1) {
    invariant(typeof values[lo] === 'number', `shard ${lo} has no value`);
    return values[lo];
  }
  const split = splitOf(lo, hi);
  return sumRange(values, lo, split) + sumRange(values, split, hi);
}
