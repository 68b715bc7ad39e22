/**
 * Sums the gradients of a step's shards along the tree, whatever the order in which they come. A node is added up as
 * soon as both halves are there, so that between calls at most half of the gradients (rounded up) are held and the
 * last arrival costs at most log2(shards) additions.
 */
import { invariant } from '@lockstep/config';
import { addInPlace } from '@lockstep/vector';
import { splitOf } from './tree.js';

interface Node {
  readonly parent: Node | undefined;
  left: Node | undefined;
  right: Node | undefined;
  /** Present from when the node is added up until its parent is. */
  sum: Float32Array | undefined;
}

/** One step's gradient sum. Owns every array it is given. */
export class TreeSum {
  readonly #length: number;
  readonly #root: Node;
  readonly #leaves: Node[] = [];
  readonly #hasArrived: boolean[];

  /**
   * @param shardCount number of shards in the plan
   * @param length float32 values in each gradient
   */
  constructor(shardCount: number, length: number) {
    invariant(Number.isInteger(shardCount) && shardCount > 0, `shard count ${shardCount}`);
    this.#length = length;
    this.#hasArrived = new Array<boolean>(shardCount).fill(false);
    this.#root = this.#grow(undefined, 0, shardCount);
  }

  /**
   * Takes the gradient of one shard; the array is written to from now on and must not be used by the caller.
   * @returns arrays that are not needed any more, for the caller to write to
   */
  add(shardIndex: number, gradient: Float32Array): readonly Float32Array[] {
    const leaf = this.#leaves[shardIndex];
    invariant(leaf !== undefined, `shard ${shardIndex} is not among ${this.#leaves.length}`);
    invariant(!this.#hasArrived[shardIndex], `shard ${shardIndex} was added before`);
    invariant(gradient.length === this.#length, `a gradient of ${gradient.length} values instead of ${this.#length}`);
    this.#hasArrived[shardIndex] = true;
    leaf.sum = gradient;
    const spare: Float32Array[] = [];
    for (let node = leaf.parent; node !== undefined; node = node.parent) {
      const { left, right } = node;
      if (left?.sum === undefined || right?.sum === undefined) break;
      addInPlace(left.sum, right.sum);
      spare.push(right.sum);
      node.sum = left.sum;
      left.sum = undefined;
      right.sum = undefined;
    }
    return spare;
  }

  /** Indices of the shards that have not been added, ascending. */
  missing(): number[] {
    return [...this.#hasArrived.keys()].filter((shardIndex) => !this.#hasArrived[shardIndex]);
  }

  /** Vectors kept: gradients whose sibling is missing, and sums of them. */
  get held(): number {
    return count(this.#root);
  }

  /** Whether every shard has been added. */
  get complete(): boolean {
    return this.#hasArrived.every(Boolean);
  }

  /** Gives the sum of all shards away, once. */
  take(): Float32Array {
    const sum = this.#root.sum;
    invariant(sum !== undefined, 'the sum is not complete or was taken before');
    this.#root.sum = undefined;
    return sum;
  }

  #grow(parent: Node | undefined, lo: number, hi: number): Node {
    const node: Node = { parent, left: undefined, right: undefined, sum: undefined };
    if (hi - lo === 1) {
      this.#leaves.push(node);
      return node;
    }
    const split = splitOf(lo, hi);
    node.left = this.#grow(node, lo, split);
    node.right = this.#grow(node, split, hi);
    return node;
  }
}

function count(node: Node | undefined): number {
  if (node === undefined) return 0;
  return (node.sum === undefined ? 0 : 1) + count(node.left) + count(node.right);
}
