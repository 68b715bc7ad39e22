/** `lockstep worker`: lends this machine to a run that a coordinator leads, here or elsewhere. */
import { WORKER_OPTIONS } from '@lockstep/config';
import { runWorkerProcess } from '@lockstep/worker';
import type { CommandModule } from 'yargs';
import { gatherValues } from '../options/gather-values.js';
import { required } from '../options/required.js';
import { yargsOptions } from '../options/yargs-options.js';
import { softwareVersion } from '../version.js';

export const workerCommand: CommandModule = {
  command: 'worker',
  describe: 'Compute for a run that a coordinator leads',
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
    await runWorkerProcess({
      coordinator,
      run: values.run ?? null,
      peer: typeof peer === 'string' ? peer : null,
      gpuIndex: values.gpu ?? WORKER_OPTIONS.gpu.default,
      connectDeadlineMs: (values.connectTimeout ?? WORKER_OPTIONS.connectTimeout.default) * 1000,
      softwareVersion: softwareVersion(),
      note: (what) => process.stderr.write(`worker pid ${process.pid}: ${what}\n`),
    });
  },
};
