/** `lockstep worker`: lends this machine to a run that a coordinator leads, here or elsewhere. */
import { WORKER_OPTIONS } from '@lockstep/config';
import type { OptionValues } from '@lockstep/config';
import { defaultWorkerName, runWorkerProcess } from '@lockstep/worker';
import { gatherValues } from '../options/gather-values.js';
import { required } from '../options/required.js';
import { yargsOptions } from '../options/yargs-options.js';
import { softwareVersion } from '../version.js';
import type { CommandBody } from './command-body.js';
import { WorkerNotes } from './worker-notes.js';

function metricsAddress(values: OptionValues<typeof WORKER_OPTIONS>): { host: string; port: number } | null {
  const { noMetrics, metricsHost, metricsPort } = WORKER_OPTIONS;
  if (values.noMetrics ?? noMetrics.default) return null;
  return { host: values.metricsHost ?? metricsHost.default, port: values.metricsPort ?? metricsPort.default };
}

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
    const limits = {
      coordinator,
      awayLimitMs: (values.coordinatorTimeout ?? WORKER_OPTIONS.coordinatorTimeout.default) * 1000,
      connectDeadlineMs: (values.connectTimeout ?? WORKER_OPTIONS.connectTimeout.default) * 1000,
    };
    const notes = new WorkerNotes(limits, (what) => process.stderr.write(`worker pid ${process.pid}: ${what}\n`));
    await runWorkerProcess({
      ...limits,
      run: values.run ?? null,
      peer: typeof peer === 'string' ? peer : null,
      name: values.name ?? defaultWorkerName(values.gpu),
      supervised: typeof peer === 'string',
      gpuIndex: values.gpu ?? WORKER_OPTIONS.gpu.default,
      softwareVersion: softwareVersion(),
      metrics: metricsAddress(values),
      note: (what) => notes.note(what),
    }).finally(() => notes.end());
  },
};
