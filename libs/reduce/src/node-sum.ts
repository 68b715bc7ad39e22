/**
 * The tree over shard index, summed from nodes instead of leaves: who holds all shards below a node adds them up first,
 * and the rest of the tree is added where its parts meet. The bits are those of `TreeSum`.
 */
import { invariant } from '@lockstep/config';
import { splitOf } from './tree.js';

/** The shards [first, end): all leaves below one node of the tree. */
export interface ShardRange {
  readonly first: number;
  readonly end: number;
}

/** The largest nodes of the tree all of whose shards are held, in order. */
export function heldNodes(shardCount: number, isHeld: (shard: number) => boolean): readonly ShardRange[] {
  invariant(shardCount > 0, `shard count ${shardCount}`);
  const visit = (first: number, end: number): readonly ShardRange[] => {
    if (end - first === 1) return isHeld(first) ? [{ first, end }] : [];
    const split = splitOf(first, end);
    const nodes = [...visit(first, split), ...visit(split, end)];
    const isWhole = nodes.length === 2 && nodes[0]?.end === split && nodes[0].first === first && nodes[1]?.end === end;
    return isWhole && nodes[1]?.first === split ? [{ first, end }] : nodes;
  };
  return visit(0, shardCount);
}

/**
 * Sums the subtree of a node into `out`.
 * @param valuesOf what is known of a node without adding: a shard's values or a partial sum; undefined where the sums
 * of both halves are to be added
 * @param out as long as the values; none of them may be the same memory
 */
export function sumNode(
  { first, end }: ShardRange,
  valuesOf: (node: ShardRange) => Float32Array | undefined,
  out: Float32Array,
): void {
  const known = valuesOf({ first, end });
  if (known !== undefined) {
    out.set(known);
    return;
  }
  invariant(end - first > 1, `no values of shard ${first}`);
  const split = splitOf(first, end);
  const left = valuesOf({ first, end: split });
  const right = valuesOf({ first: split, end });
  if (left === undefined) sumNode({ first, end: split }, valuesOf, out);
  let other = right;
  if (other === undefined) {
    other = new Float32Array(out.length);
    sumNode({ first: split, end }, valuesOf, other);
  }
  addTo(out, left ?? out, other);
}

/** Rounds as float32 addition does: a float64 sum is precise enough that rounding it again at the store is harmless. */
function addTo(out: Float32Array, left: Float32Array, right: Float32Array): void {
  const unrolledEnd = out.length - (out.length % 4);
  for (let i = 0; i < unrolledEnd; i += 4) {
    out[i] = left[i] + right[i];
    out[i + 1] = left[i + 1] + right[i + 1];
    out[i + 2] = left[i + 2] + right[i + 2];
    out[i + 3] = left[i + 3] + right[i + 3];
  }
  for (let i = unrolledEnd; i < out.length; i++) out[i] = left[i] + right[i];
}
