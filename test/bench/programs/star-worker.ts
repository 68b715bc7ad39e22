/**
 * A worker of the all-reduce by star: answers an assignment with a ready-made gradient, takes the mean that comes
 * back, checks it, and says that it has it. Transport and messages are those of a training run.
 */
import { decodeCoordinatorMessage, encodeMessage } from '@lockstep/protocol';
import type { CoordinatorMessage, WorkerMessage } from '@lockstep/protocol';
import { bytesOf, digestOf } from '@lockstep/reduce';
import { copyToFloats } from '@lockstep/runtime';
import { connectZeroMQClient } from '@lockstep/transport';
import { ENVELOPE, meanOf, readyMade } from '../star-job.js';
import type { StarJob } from '../star-job.js';

export async function runStarWorker({ endpoint, worker, workers, values }: StarJob): Promise<void> {
  const client = await connectZeroMQClient({ endpoint, peerId: `worker-${worker}`, maxFrameBytes: 4 * values });
  const original = readyMade(worker, values);
  // A sent frame belongs to the transport: as an engine does, this makes a fresh gradient every step, ahead of time.
  let next = original.slice();
  let sequence = 0;
  const send = (message: WorkerMessage, payload: Uint8Array[] = []): void => {
    const stamp = { conversation: 0, sequence };
    sequence += 1;
    client.send(encodeMessage(digestOf, message, stamp, payload));
  };
  const obey = (message: CoordinatorMessage, [payload]: readonly Uint8Array[]): void => {
    if (message.type === 'assign') {
      const { step, shard, attempt } = message;
      const about = { step, shard, attempt, lossSum: 0, characters: 1, computeMs: 0, weightsDigest: null, held: null };
      send({ type: 'gradient', ...ENVELOPE, ...about }, [bytesOf(next)]);
    }
    if (message.type === 'update' && payload !== undefined) {
      const mean = copyToFloats(payload);
      for (const index of [0, values - 1]) {
        if (mean[index] !== meanOf(index, workers)) throw new Error(`${mean[index]} at ${index} is not the mean`);
      }
      send({ type: 'applied', ...ENVELOPE, step: message.step, digest: null });
      next = original.slice();
    }
  };
  client.onEvent((event) => {
    if (event.type === 'connected') send({ type: 'synced', ...ENVELOPE, step: 0, digest: '' });
    if (event.type !== 'message') return;
    const letter = decodeCoordinatorMessage(digestOf, event.frames);
    if ('problem' in letter) throw new Error(letter.what);
    obey(letter.message, letter.payload);
  });
}
