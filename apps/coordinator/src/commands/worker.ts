/** `lockstep worker`: lends this machine to a run that a coordinator leads, here or elsewhere. */
import { WORKER_OPTIONS } from '@lockstep/config';
import type { OptionValues } from '@lockstep/config';
import { defaultWorkerName, runWorkerProcess } from '@lockstep/worker';
import { isLogLevel } from '../log/levels.js';
import { WorkerProcessLog } from '../log/worker-log.js';
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
      .option('log-file', { type: 'string', hidden: true })
      .example('$0 worker --coordinator tcp://10.0.0.1:5555', 'join from another machine'),
  handler: async (argv) => {
    const values = await gatherValues(WORKER_OPTIONS, argv, process.env);
    const coordinator = required(values.coordinator, 'coordinator');
    const peer = argv['peer'];
    const name = values.name ?? defaultWorkerName(values.gpu);
    const logFile = argv['logFile'];
    const log = new WorkerProcessLog({
      identity: { name, ...(values.run === undefined ? {} : { run: values.run }) },
      level: isLogLevel(values.logLevel) ? values.logLevel : WORKER_OPTIONS.logLevel.default,
      file: typeof logFile === 'string' ? logFile : null,
      format: values.logFormat === 'json' ? 'json' : 'pretty',
    });
    log.note(`looking for the coordinator at ${coordinator}`);
    const limits = {
      coordinator,
      awayLimitMs: (values.coordinatorTimeout ?? WORKER_OPTIONS.coordinatorTimeout.default) * 1000,
      connectDeadlineMs: (values.connectTimeout ?? WORKER_OPTIONS.connectTimeout.default) * 1000,
    };
    const notes = new WorkerNotes(limits, (what) => log.note(what));
    const run = runWorkerProcess({
      ...limits,
      run: values.run ?? null,
      peer: typeof peer === 'string' ? peer : null,
      name,
      supervised: typeof peer === 'string',
      gpuIndex: values.gpu ?? WORKER_OPTIONS.gpu.default,
      softwareVersion: softwareVersion(),
      metrics: metricsAddress(values),
      log: {
        note: (what) => notes.note(what),
        isDetailed: log.isDetailed,
        detail: (what, about) => log.detail(what, about),
        failure: (thrown, about) => log.failure(thrown, about),
        lastLines: () => log.lastLines(),
      },
    });
    try {
      await run.finally(() => notes.end());
    } catch (thrown) {
      throw log.end(thrown);
    }
  },
};
