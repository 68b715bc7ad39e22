/**
 * The shard plan: how the rows of a global batch are cut. The number of shards, not the number of workers, fixes which
 * rows are summed together, which is why a lost worker changes no bit.
 */
import { LockstepError } from '@lockstep/config';

/** Rows rowStart <= row < rowEnd of the global batch. */
export interface Shard {
  readonly index: number;
  readonly rowStart: number;
  readonly rowEnd: number;
}

/**
 * Cuts a batch into consecutive shards as even as can be; the first ones are one row larger (64 over 3 = 22, 21, 21).
 * @throws LockstepError 'usage' when a shard would be empty or the counts are not whole numbers
 */
export function planShards(batchSize: number, shardCount: number): Shard[] {
  if (!Number.isInteger(batchSize) || !Number.isInteger(shardCount) || shardCount < 1 || batchSize < shardCount) {
    throw new LockstepError(
      'usage',
      `a batch of ${batchSize} sequences cannot be cut into ${shardCount} shards`,
      'take from 1 to as many shards as the batch has sequences',
    );
  }
  const smaller = Math.floor(batchSize / shardCount);
  const largerCount = batchSize % shardCount;
  return Array.from({ length: shardCount }, (_, index) => {
    const rowStart = index * smaller + Math.min(index, largerCount);
    return { index, rowStart, rowEnd: rowStart + smaller + (index < largerCount ? 1 : 0) };
  });
}
