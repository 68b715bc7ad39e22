/** Writes one checkpoint and kills itself before the call of the given number, counted from 0. */
import { writeCheckpoint } from '../checkpoint.js';
import { faultyDisk } from './faulty-disk.js';
import { sampleSnapshot } from './sample-snapshot.js';

const [folder = '', step = '', dying = ''] = process.argv.slice(2);
const disk = faultyDisk((_, index) => {
  if (index === Number(dying)) process.kill(process.pid, 'SIGKILL');
});
await writeCheckpoint(folder, sampleSnapshot(Number(step)), { disk });
