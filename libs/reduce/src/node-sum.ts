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

/** What is to be added up: values, and in which order (see `addTogether`). */
export interface NodeSum {
  readonly inputs: readonly Float32Array[];
  readonly additions: readonly (readonly [left: number, right: number])[];
}

/**
 * The sum of the subtree of a node.
 * @param valuesOf what is known of a node without adding: a shard's values or a partial sum; undefined where the sums
 * of both halves are to be added
 */
export function nodeSum(node: ShardRange, valuesOf: (node: ShardRange) => Float32Array | undefined): NodeSum {
  const inputs: Float32Array[] = [];
  const additions: (readonly [left: number, right: number])[] = [];
  /** @returns the number of the input that takes the node's sum up */
  const visit = ({ first, end }: ShardRange): number => {
    const known = valuesOf({ first, end });
    if (known !== undefined) return inputs.push(known) - 1;
    invariant(end - first > 1, `no values of shard ${first}`);
    const split = splitOf(first, end);
    const left = visit({ first, end: split });
    additions.push([left, visit({ first: split, end })]);
    return left;
  };
  visit(node);
  return { inputs, additions };
}
