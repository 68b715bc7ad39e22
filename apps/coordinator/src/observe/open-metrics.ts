/** The metrics of a run that is led here, and where they are to be had: `/metrics` and `/readyz`. */
import { setOrDefault } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { plain } from '@lockstep/metrics';
import type { HttpServer } from '@lockstep/metrics';
import type { CoordinatorState } from '@lockstep/protocol';
import { systemClock } from '@lockstep/worker';
import { readEvents } from '../record/read-events.js';
import type { Assignment } from '../supervise/messages.js';
import type { OpenedRun } from '../train/open-run.js';
import type { DirectoryStore } from '../train/run-store.js';
import { softwareVersion } from '../version.js';
import type { EventHub } from './event-hub.js';
import { RunMetrics } from './run-metrics.js';

interface MetricsParts {
  readonly opened: OpenedRun;
  readonly assignment: Assignment;
  readonly store: DirectoryStore;
  readonly term: number;
  readonly view: EventHub;
  readonly state: () => CoordinatorState;
}

/** How often time in which no step goes on is looked at. */
const LOOK_EVERY_MS = 1_000;

export async function openMetrics(parts: MetricsParts): Promise<RunMetrics> {
  const { opened, assignment, store, term, view, state } = parts;
  const { config, options, layout, totalSteps } = opened.plan;
  const { values, engine, runId } = assignment;
  const { wire, optimizer, learningRate } = config;
  const metrics = new RunMetrics(
    {
      ...{ runId, version: softwareVersion(), engine: engine.label, device: engine.device },
      ...{ preset: options.preset, wire, optimizer, parameters: layout.length },
      flopsPerCharacter: flopsPerCharacter(config),
      ...{ totalSteps, minWorkers: options.minWorkers, learningRate, term },
      checkpointEvery: setOrDefault(values, 'checkpointEvery'),
      deadlineSeconds: values.deadline === undefined ? null : Date.parse(values.deadline) / 1000,
    },
    { clock: systemClock, unixNow: Date.now, state },
  );
  metrics.restore(store.history.steps, await readEvents(opened.directory.path));
  view.listen((event) => metrics.onEvent(event));
  setInterval(() => metrics.look(), LOOK_EVERY_MS).unref();
  return metrics;
}

/** From now on they are to be had, as all the rest. */
export function serveMetrics(observatory: HttpServer, metrics: RunMetrics, state: () => CoordinatorState): void {
  observatory.add({
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    '/readyz': () =>
      state().phase.name === 'ended' ? plain(503, 'not ready: the run has ended\n') : plain(200, 'ready\n'),
  });
  observatory.complete();
}

/**
 * Multiplications and additions for one character, forward and backward: each weight of a matrix that a character is
 * multiplied with costs one of both forward, and twice that backward (for the input and for the weights). The
 * embedding is a look-up.
 */
function flopsPerCharacter({ embedding, units, vocabularySize }: RunConfig): number {
  const gates = 3 * units;
  return 3 * 2 * (embedding * gates + units * gates + units * vocabularySize);
}
