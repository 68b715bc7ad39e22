/** `lockstep monitor`: a local Prometheus beside a run, and how to see it in Grafana. */
import { acquireRunLock } from '@lockstep/checkpoint';
import { LockstepError, MONITOR_OPTIONS, toLockstepError } from '@lockstep/config';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endedUnasked, Prometheus } from '../monitor/prometheus.js';
import { DASHBOARDS, writeSettings, writeTarget } from '../monitor/settings.js';
import type { MonitorFiles } from '../monitor/settings.js';
import { checkTarget, look, targetOf, USUAL_TARGET } from '../monitor/watched-run.js';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { quote } from '../train/quote.js';
import { findRun, RUN_POSITIONAL } from './find-run.js';
import type { FoundRun } from './find-run.js';
import type { CommandBody } from './command-body.js';

const LOOK_EVERY_MS = 1_000;
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const monitorCommand: CommandBody = {
  builder: (cli) =>
    cli
      .positional('run', RUN_POSITIONAL)
      .options(yargsOptions(MONITOR_OPTIONS))
      .example('$0 monitor', 'watch the run that goes on below runs/')
      .example('$0 monitor --target 10.0.0.1:9580', 'watch a run on another machine'),
  handler: async (argv) => {
    const values = await gatherValues(MONITOR_OPTIONS, argv, process.env);
    const given = values.target === undefined ? undefined : checkTarget(values.target);
    const run = await chooseRun(argv['run'], given);
    const folder = run === null ? await mkdtemp(join(tmpdir(), 'lockstep-monitor-')) : join(run.path, 'monitor');
    // Prometheus itself does not look whether another one writes there.
    const lock = await acquireRunLock(folder);
    try {
      const target = given ?? (run === null ? USUAL_TARGET : endpointOf(run));
      const files = await writeSettings(folder, target, values.interval ?? MONITOR_OPTIONS.interval.default);
      await watch({ files, target, folder, run, isFixed: given !== undefined, port: values.port });
    } finally {
      await lock.release();
      if (run === null) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

/** A target is enough; without one, and without any run here, somebody may still train at the usual address. */
async function chooseRun(path: unknown, target: string | undefined): Promise<FoundRun | null> {
  if (path === undefined && target !== undefined) return null;
  try {
    return await findRun(path);
  } catch (thrown) {
    if (path === undefined && thrown instanceof LockstepError && thrown.kind === 'usage') return null;
    throw thrown;
  }
}

function endpointOf({ path, file }: FoundRun): string {
  const target = targetOf(file);
  if (target !== null) return target;
  throw new LockstepError(
    'unavailable',
    `the run in ${path} serves no metrics`,
    'start it without --no-metrics, or name its --target',
  );
}

interface Watched {
  readonly files: MonitorFiles;
  readonly target: string;
  readonly folder: string;
  readonly run: FoundRun | null;
  /** Whether the user has named the target, which then stays. */
  readonly isFixed: boolean;
  readonly port: number | undefined;
}

/** Until a signal, or until Prometheus ends by itself. */
async function watch(watched: Watched): Promise<void> {
  const stop = new AbortController();
  const onStop = (): void => stop.abort();
  for (const signal of END_SIGNALS) process.on(signal, onStop);
  process.stdout.on('error', onStop);
  let prometheus: Prometheus | undefined;
  try {
    prometheus = await Prometheus.start(watched.files, watched.port);
    await prometheus.ready(stop.signal);
    if (stop.signal.aborted) return;
    say(introduction(prometheus.url, watched));
    void follow(watched, stop.signal);
    const ended = await Promise.race([prometheus.ended, once(stop.signal, 'abort').then(() => null)]);
    // A terminal sends Ctrl-C to both of us.
    if (ended !== null && !stop.signal.aborted) throw endedUnasked(ended);
  } finally {
    stop.abort();
    await prometheus?.stop();
    process.stdout.off('error', onStop);
    for (const signal of END_SIGNALS) process.off(signal, onStop);
  }
}

/** Looks at the run now and then, and has Prometheus ask where it answers now. */
async function follow({ files, target, run, isFixed }: Watched, signal: AbortSignal): Promise<void> {
  if (run === null || isFixed) return;
  let current = target;
  let wasOver = false;
  while (!signal.aborted) {
    const sight = await look(run.path);
    if (sight !== null && sight.target !== null && sight.target !== current) {
      current = await moveTo(files, sight.target, current);
    }
    if (sight !== null && sight.isOver && !wasOver) say('the run has ended; what was measured stays until Ctrl-C');
    wasOver = sight?.isOver ?? wasOver;
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns the target that Prometheus asks from now on */
async function moveTo(files: MonitorFiles, target: string, before: string): Promise<string> {
  try {
    await writeTarget(files, target);
    say(`the coordinator answers at ${target} now`);
    return target;
  } catch (thrown) {
    // Said once a second until there is room: nothing is measured meanwhile.
    say(`cannot name the target ${target}: ${toLockstepError(thrown).message}`);
    return before;
  }
}

function introduction(url: string, { target, folder, run }: Watched): string {
  const kept = run === null ? 'measurements are forgotten at the end' : `measurements are kept in ${quote(folder)}`;
  return [
    `Prometheus asks ${target} for metrics${run === null ? '' : ` of run ${run.file.runId}`}; ${kept}`,
    '',
    `  queries    ${url}/graph`,
    `  alerts     ${url}/alerts`,
    '',
    'To see the dashboards in a Grafana on this machine:',
    `  1. Connections, Data sources, Add: Prometheus, with the URL ${url}`,
    '  2. Dashboards, New, Import: upload these files, and choose that data source above the panels',
    ...DASHBOARDS.map((path) => `       ${quote(path)}`),
    '',
    'Ctrl-C ends it.',
  ].join('\n');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
