/**
 * `lockstep train` as its user sees it: keeps one coordinator and the local workers alive, shows what happens, ends
 * as the run ends. It holds nothing that the run needs, so that either side can die: a coordinator that is killed is
 * started again on the same address while its workers keep the weights.
 */
import { EXIT_CODES, LIMITS, LockstepError, setOrDefault } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { ownIdentity } from '@lockstep/checkpoint';
import type { RunEvent, RunSummary, RunView } from '../train/events.js';
import { failedEvent } from '../train/failed-event.js';
import { quote } from '../train/quote.js';
import { coordinatorLines, plural } from '../views/messages.js';
import { printable } from '../views/printable.js';
import type { ChosenEngine } from './choose-engine.js';
import { CoordinatorChild } from './coordinator-child.js';
import { fromPortable, toPortable } from './messages.js';
import type { Assignment, Notice, Order } from './messages.js';
import { afterCoordinatorEnd, fullBudget } from './restart-policy.js';
import type { CoordinatorRestarts, ProcessEnd } from './restart-policy.js';
import { endFailure, givenUpFailure, isRemoved, removedFailure } from './end-failures.js';
import { RestartNotices } from './restart-notices.js';
import { HUNG_MS, SILENT_MS } from './silence.js';
import { StopSignals } from './stop-signals.js';
import { SupervisorLog } from './supervisor-log.js';
import { Vacancy } from './vacancy.js';
import { WorkerPool } from './worker-pool.js';
import type { WorkerEnd } from './worker-pool.js';

export interface SupervisorOptions {
  readonly directory: string;
  readonly begins: 'new' | 'resumed';
  /** Where an earlier life was bound, for workers that still look there; null for the address in the options. */
  readonly endpoint: string | null;
  readonly values: OptionValues<TrainOptions>;
  readonly engine: ChosenEngine;
  readonly view: RunView;
  readonly detailed: boolean;
  /** Started already, so that it boots while the engine is chosen. */
  readonly coordinator: CoordinatorChild;
}

type Bound = Extract<Notice, { type: 'bound' }>;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #startedAtMs = Date.now();
  readonly #log: SupervisorLog;
  #coordinator: CoordinatorChild;
  #restarts: CoordinatorRestarts;
  #restartTimer: NodeJS.Timeout | undefined;
  #pool: WorkerPool | undefined;
  #signals: StopSignals | undefined;
  #endpoint: string | null;
  #metricsPort: number | null = null;
  /** How the coordinator died last, and since when nobody leads, to be told once it is there again. */
  #lost: { readonly how: string; readonly sinceMs: number } | undefined;
  /** Of the coordinator of now, once it leads. */
  #term: number | null = null;
  /** The bug that a coordinator has ended by, for which it gets another try. */
  #bug: LockstepError | undefined;
  /** The latest worker that will not be started again. */
  #givenUp: Extract<Order, { type: 'given-up' }> | undefined;
  readonly #restartNotices: RestartNotices;
  readonly #vacancy = new Vacancy(() => this.#tellVacant());
  #isStopping = false;
  /** Whether the coordinator of now is ended because it hangs. */
  #isHung = false;
  /** Whether the coordinator of now has bound its address and has not come to the end of the run. */
  #isLeading = false;
  /** Whether the outcome is known. */
  #isOver = false;
  readonly #outcome: Promise<RunSummary>;
  #resolve: (summary: RunSummary) => void = () => undefined;
  #reject: (error: LockstepError) => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#log = new SupervisorLog(options.coordinator.runId, setOrDefault(options.values, 'logLevel'));
    this.#restartNotices = new RestartNotices((event) => this.#tell(event));
    this.#coordinator = options.coordinator;
    this.#endpoint = options.endpoint;
    const budget = fullBudget(setOrDefault(options.values, 'maxCoordinatorRestarts'));
    this.#restarts = { budget, row: 0, hadBug: false };
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Runs to the end. Returns the summary; throws what ended the run otherwise. */
  async run(): Promise<RunSummary> {
    try {
      this.#lead(this.#options.begins);
      const summary = await this.#outcome;
      await this.#pool?.stop();
      this.#log.say('info', `the run is ${summary.result}`);
      return summary;
    } catch (thrown) {
      this.#options.view.show(failedEvent(thrown));
      this.#log.failed(thrown);
      throw thrown;
    } finally {
      clearTimeout(this.#restartTimer);
      this.#restartNotices.close();
      this.#vacancy.close();
      this.#signals?.release();
      await this.#pool?.stop(0);
      await this.#coordinator.end(this.#isOver ? LIMITS.workerExitDeadlineMs : 0);
      this.#options.view.close();
    }
  }

  #lead(begins: Assignment['begins']): void {
    const { directory, values, engine, detailed } = this.#options;
    const assignment = {
      ...{ directory, begins, values, engine, detailed },
      runId: this.#coordinator.runId,
      endpoint: this.#endpoint,
      metricsPort: this.#metricsPort,
      localPeers: this.#pool?.peers ?? [],
      supervisor: ownIdentity(),
      startedAtMs: this.#startedAtMs,
    };
    this.#isLeading = false;
    this.#log.say('info', `coordinator (pid ${this.#coordinator.pid ?? '?'}) is to lead the run`);
    this.#coordinator.lead(
      { type: 'lead', assignment },
      {
        onNotice: (notice) => this.#onNotice(notice),
        onSilence: (finding) => {
          if (!this.#isOver) this.#onSilence(finding);
        },
        onEnd: (end) => {
          if (!this.#isOver) this.#coordinatorEnded(end);
        },
      },
    );
  }

  #onNotice(notice: Notice): void {
    switch (notice.type) {
      case 'alive':
        return;
      case 'bound':
        return this.#bound(notice);
      case 'event':
        return this.#show(notice.event);
      case 'ending':
        this.#isLeading = false;
        this.#lookForWorkers();
        return this.#pool?.end();
      case 'ended':
        this.#isOver = true;
        return this.#resolve(notice.summary);
      case 'failed':
        return this.#failed(fromPortable(notice.error));
      case 'scale':
        return this.#scale(notice.id, notice.workers);
      case 'retire':
        return this.#pool?.retire(notice.peer);
    }
  }

  /** Only one that has begun to lead is ended when it hangs: before, reading a large text may take it long. */
  #onSilence(finding: 'silent' | 'hung' | 'answers again'): void {
    const who = `the coordinator (pid ${this.#coordinator.pid ?? '?'})`;
    if (finding === 'answers again') return this.#warn(`${who} answers again`);
    if (finding === 'silent') {
      const then = this.#isLeading ? `; after ${HUNG_MS / 1000} s it is ended and started again` : '';
      return this.#warn(`${who} has not answered for ${SILENT_MS / 1000} s${then}`);
    }
    if (!this.#isLeading) return;
    this.#isHung = true;
    this.#coordinator.kill();
  }

  /** A bug in the middle of a run is worth one more try: its workers know nothing of it, and wait. */
  #failed(failure: LockstepError): void {
    if (failure.kind === 'internal' && this.#isLeading && !this.#restarts.hadBug) {
      this.#warn(`the coordinator failed: ${failure.line}`);
      this.#bug = failure;
      return;
    }
    this.#isOver = true;
    const { directory } = this.#options;
    const hasBegun = this.#pool !== undefined;
    this.#reject(hasBegun && isRemoved(directory, failure) ? removedFailure(directory, failure) : failure);
  }

  #bound({ endpoint, metricsPort, term, workers, logsFolder }: Bound): void {
    this.#endpoint = endpoint;
    this.#metricsPort = metricsPort;
    this.#isLeading = true;
    this.#log.openIn(logsFolder);
    this.#log.say('info', `the coordinator leads at ${endpoint} (term ${term})`);
    this.#term = term;
    if (this.#lost !== undefined) {
      const { how, sinceMs } = this.#lost;
      const downSeconds = (performance.now() - sinceMs) / 1000;
      this.#tell({ event: 'coordinator', status: 'started', term, detail: how, downSeconds });
      this.#lost = undefined;
    }
    if (this.#isStopping) this.#coordinator.send({ type: 'stop' });
    if (this.#pool !== undefined) {
      this.#pool.revive();
      this.#pool.nudge();
      if (this.#pool.size === 0 && this.#givenUp !== undefined) this.#coordinator.send(this.#givenUp);
      this.#lookForWorkers();
      return;
    }
    const { values, engine } = this.#options;
    this.#pool = new WorkerPool({
      ...{ endpoint, run: this.#coordinator.runId, gpus: engine.gpus, logsFolder },
      logLevel: setOrDefault(values, 'logLevel'),
      budgets: {
        faults: fullBudget(setOrDefault(values, 'maxFaults')),
        preemptions: fullBudget(setOrDefault(values, 'maxPreemptions')),
      },
      onStart: (peer, inWords) => {
        this.#log.say('info', inWords);
        this.#coordinator.send({ type: 'worker-started', peer });
      },
      onEnd: (end) => this.#workerEnded(end),
      onRestart: (end, pausedMs) => this.#restartNotices.restarted(end, pausedMs),
    });
    this.#pool.scale(workers);
    this.#lookForWorkers();
  }

  /** From its start on a run is ended well; before there is nothing to keep. Each life of the coordinator says it. */
  #show(event: RunEvent): void {
    if (event.event === 'start' && this.#signals !== undefined) return;
    this.#options.view.show(event);
    this.#restartNotices.shown(event);
    this.#vacancy.shown(event);
    if (event.event === 'worker' && event.status === 'ready') this.#pool?.sawReady();
    this.#lookForWorkers();
    if (event.event !== 'start') return;
    this.#signals = new StopSignals(
      this.#options.view,
      () => this.#stopWell(),
      () => this.#leaveAtOnce(),
    );
  }

  #lookForWorkers(): void {
    const isRunning = this.#isLeading && !this.#isStopping && !this.#isOver;
    this.#vacancy.look(!isRunning || (this.#pool?.size ?? 0) > 0);
  }

  #tellVacant(): void {
    const { directory, values } = this.#options;
    const scale = `lockstep scale ${Math.max(1, values.workers ?? 1)} ${quote(directory)}`;
    const join = `lockstep worker --coordinator ${this.#endpoint ?? ''}`;
    this.#warn(`the run waits, for it has no workers: "${scale}" starts local ones, "${join}" lets one join`);
  }

  #stopWell(): void {
    this.#log.say('info', 'told to stop');
    this.#isStopping = true;
    this.#lookForWorkers();
    this.#coordinator.send({ type: 'stop' });
  }

  /** Whoever asks twice does not want to wait for anybody. */
  #leaveAtOnce(): never {
    this.#pool?.kill();
    this.#coordinator.kill();
    const { view, directory } = this.#options;
    view.close();
    const hint = `lockstep train --resume ${quote(directory)} goes on from the last checkpoint`;
    const left = new LockstepError('retry', 'left at once, without a new checkpoint', hint);
    process.stderr.write(`lockstep: ${printable(left.line)}\n`);
    process.exit(left.exitCode);
  }

  #coordinatorEnded(end: ProcessEnd): void {
    const bySignal = `ended by ${end.signal ?? `exit code ${end.code ?? '?'}`}`;
    const how = this.#isHung ? `hung for ${HUNG_MS / 1000} s and was ended` : bySignal;
    this.#isHung = false;
    this.#tellLost(how);
    this.#log.say('warn', `the coordinator (pid ${this.#coordinator.pid ?? '?'}) ${how}`);
    const life = { livedMs: this.#coordinator.livedMs, wasLeading: this.#isLeading };
    const { state, verdict } = afterCoordinatorEnd(this.#restarts, end, life, performance.now());
    this.#restarts = state;
    if (!verdict.restart) {
      this.#reject(this.#bug ?? endFailure(how, verdict.why, this.#options.directory));
      return;
    }
    this.#bug = undefined;
    this.#vacancy.forget();
    this.#restartTimer = setTimeout(() => {
      this.#coordinator = new CoordinatorChild(this.#coordinator.runId);
      this.#lead('again');
    }, verdict.afterMs);
  }

  /** Shown only: there is nobody to tell, and the next one is told how long nobody led. */
  #tellLost(how: string): void {
    const nowMs = performance.now();
    const sinceMs = this.#lost?.sinceMs ?? nowMs;
    const downSeconds = (nowMs - sinceMs) / 1000;
    this.#options.view.show({ event: 'coordinator', status: 'lost', term: this.#term, detail: how, downSeconds });
    this.#lost = { how, sinceMs };
    this.#term = null;
  }

  #workerEnded(end: WorkerEnd): void {
    const { peer, name, reason, verdict, unasked } = end;
    // A worker that was told that all is over may be gone before the coordinator is.
    const isOrdinary = verdict === null || end.code === EXIT_CODES.done;
    this.#log.say(isOrdinary ? 'info' : 'warn', reason);
    this.#coordinator.send({ type: 'worker-gone', peer, reason, unasked });
    if (verdict?.restart === true) this.#restartNotices.ended(end);
    this.#lookForWorkers();
    if (verdict === null || verdict.restart) return;
    const left = this.#pool?.size ?? 0;
    const failure = givenUpFailure(end, verdict.why);
    this.#warn(`${name} is not started again: ${failure.line}`);
    this.#givenUp = { type: 'given-up', failure: toPortable(failure), final: verdict.why !== 'budget', left };
    this.#coordinator.send(this.#givenUp);
  }

  #scale(id: number, workers: number): void {
    const pool = this.#pool;
    if (pool === undefined || this.#isStopping || !this.#isLeading) {
      this.#coordinator.send({ type: 'scaled', id, ok: false, text: 'the run is just beginning, or ending' });
      return;
    }
    const { started, leaving } = pool.scale(workers);
    this.#log.say('info', `asked for ${plural(workers, 'local worker')}`);
    const changes = [
      started.length === 0 ? '' : `${started.join(', ')} started`,
      leaving.length === 0 ? '' : `${leaving.join(', ')} told to leave`,
    ].filter((change) => change !== '');
    const text = `${plural(workers, 'local worker')}: ${changes.length === 0 ? 'nothing to do' : changes.join('; ')}`;
    this.#coordinator.send({ type: 'scaled', id, ok: true, text });
  }

  #warn(text: string): void {
    this.#tell({ event: 'warning', text });
  }

  /** Shown here, and told to the coordinator, where the events of a run are kept. */
  #tell(event: Extract<RunEvent, { event: 'notice' | 'warning' | 'coordinator' }>): void {
    if (event.event === 'coordinator') for (const line of coordinatorLines(event)) this.#log.say('warn', line);
    else this.#log.say(event.event === 'warning' ? 'warn' : 'info', event.text);
    this.#options.view.show(event);
    this.#coordinator.send({ type: 'told', event });
  }
}
