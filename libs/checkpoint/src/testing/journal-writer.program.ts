/** Appends lines without end; prints each step once it is durable. */
import { openJournal } from '../journal.js';
import { stepLine } from './sample-lines.js';

const [path = '', firstStep = '1'] = process.argv.slice(2);
const journal = await openJournal(path);
for (let step = Number(firstStep); ; step += 1) {
  void journal.append(stepLine(step, { text: 'x'.repeat(step % 700) })).then(() => process.stdout.write(`${step}\n`));
  if (step % 7 === 0) await new Promise((resolve) => { setTimeout(resolve, 1); });
}
