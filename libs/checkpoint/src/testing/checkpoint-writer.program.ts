/** Writes checkpoints of rising steps until it is killed; prints each step once it is durable. */
import { writeCheckpoint } from '../checkpoint.js';
import { sampleSnapshot } from './sample-snapshot.js';

const [folder = '', firstStep = '0'] = process.argv.slice(2);
for (let step = Number(firstStep); ; step += 1) {
  await writeCheckpoint(folder, sampleSnapshot(step));
  process.stdout.write(`${step}\n`);
}
