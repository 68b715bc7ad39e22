/**
 * The coordinator process, put together: told what to lead, it opens the run, leads it to its end and says how it
 * ended. Nothing here is shown to a person; that is the supervisor's part.
 */
import { listCheckpoints, systemDisk } from '@lockstep/checkpoint';
import { LIMITS, LockstepError, setOrDefault } from '@lockstep/config';
import { createOptimizer, optimizerSpec } from '@lockstep/optimizer';
import type { CoordinatorOutcome, CoordinatorSettings } from '@lockstep/protocol';
import { digestOf } from '@lockstep/reduce';
import type { HttpServer } from '@lockstep/metrics';
import { CoordinatorLoop } from '@lockstep/runtime';
import type { Probe, Replica } from '@lockstep/runtime';
import { openFaultPoints, systemClock } from '@lockstep/worker';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { CoordinatorLog } from '../log/event-log.js';
import { EventHub } from '../observe/event-hub.js';
import { openLivePage } from '../observe/open-live-page.js';
import { openMetrics, serveMetrics } from '../observe/open-metrics.js';
import { openObservatory } from '../observe/observatory.js';
import { NO_FIGURES } from '../observe/run-metrics.js';
import type { RunMetrics } from '../observe/run-metrics.js';
import { RunProfile } from '../profile/run-profile.js';
import { EventRecord } from '../record/event-record.js';
import type { Assignment } from '../supervise/messages.js';
import { beginTensorBoard } from '../tensorboard/begin-tensor-board.js';
import { conclude } from './conclude.js';
import { bindControl } from './control-server.js';
import { coordinatorSettings } from './coordinator-settings.js';
import type { RunSummary } from './events.js';
import { failedEvent } from './failed-event.js';
import { diskWithFaultPoints } from './fault-disk.js';
import { LocalPeers } from './local-peers.js';
import { withWayOn } from './insist.js';
import { openRun } from './open-run.js';
import type { OpenedRun } from './open-run.js';
import type { RunPlan } from './plan-run.js';
import { RunObserver, startEvent } from './run-events.js';
import { RunStatusWriter, statusFacts } from './run-status.js';
import { DirectoryStore } from './run-store.js';
import type { SupervisorChannel } from './supervisor-channel.js';
import { WorkerFailures } from './worker-failures.js';

interface Leading {
  readonly opened: OpenedRun;
  readonly assignment: Assignment;
  readonly channel: SupervisorChannel;
  readonly view: EventHub;
  readonly record: EventRecord;
  readonly faultPoint: ReturnType<typeof openFaultPoints>;
  readonly observatory: HttpServer | null;
}

/** Leads a run to its end. Returns the summary; throws what ended the run otherwise. */
export async function coordinate(channel: SupervisorChannel): Promise<RunSummary> {
  const assignment = await channel.assignment();
  const log = new CoordinatorLog(assignment.runId, setOrDefault(assignment.values, 'logLevel'));
  const view = new EventHub(log.before(channel.view(assignment.detailed)));
  const record = new EventRecord((text) => view.show({ event: 'warning', text }));
  view.listen((event) => record.add(event));
  const faultPoint = openFaultPoints(process.env, 'coordinator');
  let observatory: HttpServer | null = null;
  try {
    observatory = await openObservatory(assignment.values, assignment.metricsPort);
    const opened = await openRun({ assignment, view, stop: channel.stopAsked, faultPoint });
    if ('finished' in opened) return opened.finished;
    log.openIn(opened.directory.paths.logs);
    try {
      return await leadRun({ opened, assignment, channel, view, record, faultPoint, observatory });
    } finally {
      await record.close();
      await opened.transport.close(LIMITS.lingerMs);
      await opened.lock.release();
    }
  } catch (thrown) {
    log.failed(thrown);
    throw withWayOn(thrown, assignment.directory);
  } finally {
    await observatory?.close();
  }
}

async function leadRun(leading: Leading): Promise<RunSummary> {
  const { opened, assignment, channel, view, faultPoint } = leading;
  const { plan, directory, lock } = opened;
  const isFirst = (await listCheckpoints(directory.paths.checkpoints)).length === 0;
  // Drawing the first weights of a large model takes seconds; where there is a checkpoint nobody needs them.
  const initial = isFirst ? initialReplica(plan) : { step: 0, optimizerSteps: 0, slots: [], vectors: [] };
  const store = await DirectoryStore.open({
    plan,
    directory,
    lock,
    keep: setOrDefault(assignment.values, 'keep'),
    view,
    initial,
    signal: channel.stopAsked,
    ...(faultPoint === undefined ? {} : { disk: diskWithFaultPoints(systemDisk, faultPoint) }),
  });
  await leading.record.begin(directory.paths.events, () => store.journalled);
  const board = beginTensorBoard(assignment, directory, store, view);
  try {
    return await leadStored(leading, store, isFirst ? initial : null);
  } finally {
    await board?.close();
    await store.close();
  }
}

async function leadStored(leading: Leading, store: DirectoryStore, initial: Replica | null): Promise<RunSummary> {
  const { opened, assignment, channel, view, observatory } = leading;
  const { plan, directory, transport } = opened;
  const { loop, observer, term, settings, profile, metrics, failures } = await beginLife(leading, store, initial);
  const locals = new LocalPeers(assignment.localPeers, loop, channel);
  const control = await bindControl(assignment.runId, loop, locals);
  const parts = { directory, store, view, loop, observer, begins: assignment.begins };
  const page = observatory === null || metrics === null ? null : await openLivePage({ observatory, metrics, ...parts });
  if (observatory !== null && metrics !== null) serveMetrics(observatory, metrics, () => loop.state);
  const facts = statusFacts(opened, assignment, term, control.endpoint, observatory?.url ?? null);
  const status = new RunStatusWriter(directory.path, facts, () => ({
    state: loop.state,
    loss: store.lastLoss,
    charactersPerSecond: store.recentRate,
    secondsPerShard: observer.secondsPerShard,
    figures: metrics?.figures ?? NO_FIGURES,
    isLocal: (peer) => locals.has(peer),
  }));
  observer.onMembers(() => status.refresh());
  control.onCarriedOut(() => status.refresh());
  process.on('SIGTERM', () => {
    channel.askStop();
    loop.requestStop();
  });
  try {
    view.show(startEvent(opened, assignment, settings));
    if (observatory !== null && observatory.port !== assignment.metricsPort) {
      view.show({ event: 'notice', text: `live page ${observatory.url}` });
    }
    const unwritten = initial === null || (await keepFirst(store, initial, channel.stopAsked)) ? null : initial;
    status.start();
    const run = async (): Promise<CoordinatorOutcome> => {
      channel.onOrder((order) => {
        if (order.type === 'worker-gone') failures.ended(order, loop.state);
        if (order.type === 'told') view.told(order.event);
        else locals.obey(order);
      });
      const { workers } = plan.options;
      const [{ endpoint }, { logs: logsFolder }] = [transport, directory.paths];
      channel.send({ type: 'bound', endpoint, metricsPort: observatory?.port ?? null, term, workers, logsFolder });
      return loop.run();
    };
    const outcome = unwritten === null ? await run() : ({ result: 'stopped', steps: 0 } as const);
    const failure = outcome.result === 'failed' ? failures.event(directory.path, loop.state) : null;
    if (failure !== null) view.show(failure);
    channel.send({ type: 'ending' });
    await profile?.close();
    await transport.close(LIMITS.lingerMs);
    await store.close();
    const summary = await conclude(outcome, {
      ...{ plan, store, directory, view, observer },
      startedAtMs: assignment.startedAtMs,
      runId: assignment.runId,
      engine: assignment.engine.label,
      shards: loop.state.plans.at(-1)?.shards.length ?? plan.shards.length,
      unwritten: unwritten?.vectors[0],
    });
    await status.stop(summary.result, null);
    return summary;
  } catch (error) {
    // Shown by the supervisor, if this is the end of the run.
    view.told(failedEvent(error));
    await status.stop('failed', error);
    throw error;
  } finally {
    await profile?.close();
    await page?.close();
    await control.close();
  }
}

/** Waits for the disk no longer than the user does. */
async function untilStopped(store: DirectoryStore, stop: AbortSignal, writing: () => Promise<void>): Promise<void> {
  const giveUp = (): void => store.giveUp();
  if (stop.aborted) giveUp();
  stop.addEventListener('abort', giveUp);
  try {
    await writing();
  } finally {
    stop.removeEventListener('abort', giveUp);
  }
}

/** Writes the first checkpoint; false when the user has stopped a run without steps before its disk took it. */
async function keepFirst(store: DirectoryStore, initial: Replica, stop: AbortSignal): Promise<boolean> {
  try {
    await untilStopped(store, stop, () => store.checkpoint(initial));
    return true;
  } catch (thrown) {
    const isRefusal = thrown instanceof LockstepError && thrown.kind === 'io';
    if (isRefusal && stop.aborted && store.journalled === 0) return false;
    throw thrown;
  }
}

interface Life {
  readonly loop: CoordinatorLoop;
  readonly observer: RunObserver;
  readonly term: number;
  readonly settings: CoordinatorSettings;
  readonly profile: RunProfile | undefined;
  /** Absent where nobody may look. */
  readonly metrics: RunMetrics | null;
  readonly failures: WorkerFailures;
}

/** Takes the next term and makes the loop that leads through it. */
async function beginLife(leading: Leading, store: DirectoryStore, initial: Replica | null): Promise<Life> {
  const { opened, assignment, channel, view, faultPoint } = leading;
  const { plan, transport } = opened;
  const life = {
    term: store.history.term + 1,
    incarnation: randomUUID(),
    host: hostname(),
    pid: process.pid,
    startedAt: new Date().toISOString(),
    computeClass: null,
  };
  // On the disk before anything is sent: no later life can take this number again.
  await untilStopped(store, channel.stopAsked, () => store.begin(life));
  const settings = await coordinatorSettings({ assignment, opened, store, life, initial, view });
  const observer = new RunObserver(plan, view);
  const { term } = life;
  const about = { runDirectory: opened.directory.path, runId: assignment.runId, term, view, nowMs: systemClock.now() };
  const failures = new WorkerFailures();
  const profile = setOrDefault(assignment.values, 'profile') ? new RunProfile(about) : undefined;
  const watched = { opened, assignment, store, term, view, state: () => loop.state };
  const metrics = leading.observatory === null ? null : await openMetrics(watched);
  const loop: CoordinatorLoop = new CoordinatorLoop(
    {
      ...{ transport, clock: systemClock, batches: plan.batches, store, faultPoint },
      probe: allOf([metrics?.probe, profile?.probe]),
      digest: digestOf,
      observe: (report) => {
        observer.observe(report);
        failures.observe(report, loop.state);
        // Started again under its name it would be refused each time, until the budget for crashes is used up.
        if (report.type === 'quarantined') channel.send({ type: 'retire', peer: report.peer });
      },
    },
    {
      settings,
      initialReplica: settings.initial === null ? null : initial,
    },
  );
  return { loop, observer, term, settings, profile, metrics, failures };
}

/** The first weights, and the state of an optimizer that has not made a step. */
function initialReplica(plan: RunPlan): Replica {
  const { slots, steps } = createOptimizer(optimizerSpec(plan.config), plan.layout.length);
  return {
    step: 0,
    optimizerSteps: steps,
    slots: Object.keys(slots),
    vectors: [plan.weights(), ...Object.values(slots)],
  };
}

/** One probe for several; none where there are none, so that no time is taken. */
function allOf(probes: readonly (Probe | undefined)[]): Probe | undefined {
  const some = probes.filter((probe) => probe !== undefined);
  if (some.length === 0) return undefined;
  return (moment) => {
    for (const probe of some) probe(moment);
  };
}
