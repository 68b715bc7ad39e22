/** `lockstep status`: how a run stands, from its run file. */
import { formatCount, formatLoss, formatSeconds } from '../views/format.js';
import { plural } from '../views/messages.js';
import { printable } from '../views/printable.js';
import { renderTable } from '../views/table.js';
import { setTimeout as delay } from 'node:timers/promises';
import { currentState, findRun, isOver, RUN_POSITIONAL } from './find-run.js';
import type { FoundRun } from './find-run.js';
import type { CommandBody } from './command-body.js';

const LOOK_AGAIN_MS = 50;
/** Twice the pause between two writings of a run file; one that is older then belongs to a coordinator that hangs. */
const FRESH_DEADLINE_MS = 2_000;

/** What is shown is no older than the question: a worker that was told to go a moment ago is not shown any more. */
async function freshRun(path: unknown): Promise<FoundRun> {
  const askedAtMs = Date.now();
  const deadline = performance.now() + FRESH_DEADLINE_MS;
  let run = await findRun(path);
  while (run.alive === true && !isOver(run.file) && Date.parse(run.file.updatedAt) < askedAtMs) {
    if (performance.now() > deadline) break;
    await delay(LOOK_AGAIN_MS);
    run = await findRun(run.path);
  }
  return run;
}

function describeRun(run: FoundRun): string {
  const { file, path } = run;
  const steps = file.steps === null ? '' : ` of ${formatCount(file.steps)}`;
  const age = (Date.now() - Date.parse(file.updatedAt)) / 1000;
  const facts = [
    ['run', file.runId],
    ['directory', path],
    ['state', `${currentState(run)}${file.error === null ? '' : `: ${file.error}`}`],
    ['coordinator', `pid ${file.coordinator.pid} on ${file.host} at ${file.endpoint}, term ${file.term}`],
    ...(file.metrics === null || isOver(file) ? [] : [['live page', file.metrics]]),
    ['step', `${formatCount(file.step)}${steps}, epoch ${file.epoch + 1}`],
    ['loss', file.loss === null ? '-' : `${formatLoss(file.loss)} nats a character`],
    ['rate', `${formatCount(file.charactersPerSecond)} characters a second`],
    ['engine', `${file.engine}, ${plural(file.shards, 'shard')}`],
    ...(run.summary === null ? [] : [['weights', `SHA-256 ${run.summary.weightsSha256}`]]),
    ['updated', `${formatSeconds(age)} ago`],
  ];
  const workers = file.workers.map(({ slot, name, pid, host, state, step, shards, secondsPerShard }) =>
    [slot, name, pid, host, state, step, shards, secondsPerShard.toFixed(2)].map((cell) => printable(String(cell))),
  );
  const head = ['worker', 'name', 'pid', 'host', 'state', 'step', 'shards', 's a shard'];
  return renderTable(facts) + (workers.length === 0 ? '' : `\n\n${renderTable([head, ...workers])}`);
}

export const statusCommand: CommandBody = {
  builder: (cli) =>
    cli
      .positional('run', RUN_POSITIONAL)
      .option('json', { type: 'boolean', default: false, describe: 'Print one JSON object' }),
  handler: async (argv) => {
    const run = await freshRun(argv['run']);
    const text =
      argv['json'] === true
        ? JSON.stringify({
            ...run.file,
            directory: run.path,
            alive: run.alive,
            state: currentState(run),
            summary: run.summary,
          })
        : describeRun(run);
    process.stdout.write(`${text}\n`);
  },
};
