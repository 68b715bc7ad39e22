/**
 * Appends steps 2 to 6 to a journal, prints each one once it is durable, and kills itself before the call to the disk
 * that has the given number, counted from 0.
 */
import { writeSync } from 'node:fs';
import { openJournal } from '../journal.js';
import { faultyDisk } from './faulty-disk.js';
import { stepLine } from './sample-lines.js';

const [path = '', dying = ''] = process.argv.slice(2);
const disk = faultyDisk((_, index) => {
  if (index === Number(dying)) process.kill(process.pid, 'SIGKILL');
});
const journal = await openJournal(path, { disk });
// Not by a stream: what was said must have been said when the process dies.
const appended = [2, 3, 4, 5, 6].map((step) => journal.append(stepLine(step)).then(() => writeSync(1, `${step}\n`)));
await Promise.all(appended);
await journal.close();
