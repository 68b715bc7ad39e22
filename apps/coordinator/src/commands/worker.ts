/** `lockstep worker`: lends this machine to a run that a coordinator leads, here or elsewhere. */
import { WORKER_OPTIONS } from '@lockstep/config';
import { defaultWorkerName, runWorkerProcess } from '@lockstep/worker';
import { gatherValues } from '../options/gather-values.js';
import { required } from '../options/required.js';
import { yargsOptions } from '../options/yargs-options.js';
import { softwareVersion } from '../version.js';
import { Repetitions, withCount } from '../views/repetitions.js';
import type { CommandBody } from './command-body.js';

/** Messages of a conversation that is over may come by the hundred after a coordinator was away. */
const MAY_FLOOD = /^(dropped|ignored) /;

export const workerCommand: CommandBody = {
  builder: (cli) =>
    cli
      .options(yargsOptions(WORKER_OPTIONS))
      .option('peer', { type: 'string', hidden: true })
      .example('$0 worker --coordinator tcp://10.0.0.1:5555', 'join from another machine'),
  handler: async (argv) => {
    const values = await gatherValues(WORKER_OPTIONS, argv, process.env);
    const coordinator = required(values.coordinator, 'coordinator');
    const peer = argv['peer'];
    process.stderr.write(`worker pid ${process.pid}: looking for the coordinator at ${coordinator}\n`);
    const write = (what: string): void => void process.stderr.write(`worker pid ${process.pid}: ${what}\n`);
    const repeated = new Repetitions<string>((what, heldBack) => write(withCount(what, heldBack)));
    const note = (what: string): void => {
      const nowMs = performance.now();
      repeated.sweep(nowMs);
      if (MAY_FLOOD.test(what)) repeated.add(what.replaceAll(/\d+/g, 'N'), what, nowMs);
      else write(what);
    };
    await runWorkerProcess({
      coordinator,
      run: values.run ?? null,
      peer: typeof peer === 'string' ? peer : null,
      name: values.name ?? defaultWorkerName(values.gpu),
      supervised: typeof peer === 'string',
      gpuIndex: values.gpu ?? WORKER_OPTIONS.gpu.default,
      awayLimitMs: (values.coordinatorTimeout ?? WORKER_OPTIONS.coordinatorTimeout.default) * 1000,
      connectDeadlineMs: (values.connectTimeout ?? WORKER_OPTIONS.connectTimeout.default) * 1000,
      softwareVersion: softwareVersion(),
      note,
    }).finally(() => repeated.end());
  },
};
