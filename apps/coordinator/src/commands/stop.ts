/** `lockstep stop`: ends a run as Ctrl-C would, and waits until it has ended. */
import { isSameProcess } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { setTimeout as delay } from 'node:timers/promises';
import { describeEnd, findRun, RUN_POSITIONAL } from './find-run.js';
import type { CommandBody } from './command-body.js';

const LOOK_AGAIN_MS = 100;
const DEFAULT_TIMEOUT_SECONDS = 120;

export const stopCommand: CommandBody = {
  builder: (cli) =>
    cli.positional('run', RUN_POSITIONAL).option('timeout', {
      type: 'number',
      default: DEFAULT_TIMEOUT_SECONDS,
      requiresArg: true,
      describe: 'Seconds to wait for the end',
    }),
  handler: async (argv) => {
    const run = await findRun(argv['run']);
    const { coordinator, supervisor, host } = run.file;
    if (run.alive === null) {
      throw new LockstepError('unavailable', `the coordinator of ${run.path} runs on ${host}`, 'stop it there');
    }
    const first = run.alive ? coordinator : supervisor;
    if (first === null || !isSameProcess(first)) {
      process.stdout.write(`${run.path} has ended already (${describeEnd(run)})\n`);
      return;
    }
    process.kill(first.pid, 'SIGTERM');
    const deadline = performance.now() + Number(argv['timeout']) * 1000;
    while (isSameProcess(first) || (supervisor !== null && isSameProcess(supervisor))) {
      if (performance.now() > deadline) {
        const who = `the coordinator of ${run.path} (pid ${first.pid})`;
        const what = `${who} has not ended in ${String(argv['timeout'])} seconds`;
        throw new LockstepError('retry', what, 'its step may be long: wait, or end it with kill -9');
      }
      await delay(LOOK_AGAIN_MS);
    }
    process.stdout.write(`${run.path} has ended (${(await findRun(run.path)).file.state})\n`);
  },
};
