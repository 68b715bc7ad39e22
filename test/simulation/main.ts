/**
 * The program behind `npm run simulate`: plays a share of the seeds, or one seed with all its events, and hands the
 * result to the process that started it.
 */
import { writeFileSync } from 'node:fs';
import { runSeeds, tell } from './run-seeds.js';
import { simulate } from './simulate.js';

const [mode, ...rest] = process.argv.slice(2);
const [first = 1, until = 2, stride = 1] = rest.slice(0, 3).map(Number);

if (mode === 'seed') {
  const result = await simulate(first, { isTraced: true, linesKept: until });
  process.stdout.write(`${tell(result)}\n`);
  process.exitCode = result.violations.length === 0 ? 0 : 1;
} else {
  const { ends, tally, ...figures } = await runSeeds({ from: first, until, stride, storiesMax: 3, wrongMax: Infinity });
  const result = { ...figures, ends: [...ends.counts], tally: [...tally.counts] };
  writeFileSync(rest[3] ?? '/dev/stdout', JSON.stringify(result));
}
