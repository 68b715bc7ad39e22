/** What happens in a run as lines of the coordinator's log: the sentences of the plain view, with a level. */
import { join } from 'node:path';
import type { RunEvent, RunView } from '../train/events.js';
import { failureLines } from '../views/failure-lines.js';
import { eventLines } from '../views/event-lines.js';
import { formatLoss } from '../views/format.js';
import { isOrdinary, rejectedLine, startLines, summaryLines, workerLine } from '../views/messages.js';
import { isLogLevel } from './levels.js';
import type { LogLevel } from './levels.js';
import { LogFile } from './log-file.js';
import { ProcessLog } from './process-log.js';
import type { LogAbout } from './process-log.js';
import { COORDINATOR_LOG } from './run-logs.js';

export class CoordinatorLog {
  readonly #file = new LogFile(null);
  readonly #log: ProcessLog;

  constructor(run: string, level: string) {
    const least = isLogLevel(level) ? level : 'info';
    this.#log = new ProcessLog({ process: 'coordinator', run }, least, (line) => this.#file.write(line));
    this.#log.keepUncaught();
  }

  /** Writes what has waited, and all that comes, into this folder. */
  openIn(folder: string): void {
    this.#file.nameAs(join(folder, COORDINATOR_LOG));
  }

  /** A view that logs, and passes on. */
  before(view: RunView): RunView {
    return {
      show: (event) => {
        view.show(event);
        this.#keep(event);
      },
      close: () => view.close(),
    };
  }

  /** The run ends by this. */
  failed(thrown: unknown): void {
    this.#log.end(thrown);
  }

  #keep(event: RunEvent): void {
    const level = levelOf(event);
    if (level === 'debug' && !this.#log.isDetailed) return;
    for (const line of linesOf(event)) this.#log.say(level, line, aboutOf(event));
  }
}

function levelOf(event: RunEvent): LogLevel {
  switch (event.event) {
    case 'step':
    case 'assigned':
    case 'answered':
      return 'debug';
    case 'rejected':
      return isOrdinary(event) ? 'debug' : 'warn';
    case 'worker':
      return event.status === 'gone' ? 'warn' : 'info';
    case 'coordinator':
    case 'late':
    case 'warning':
      return 'warn';
    case 'quarantined':
    case 'failure':
    case 'failed':
    case 'mismatch':
      return 'error';
    default:
      return 'info';
  }
}

function aboutOf(event: RunEvent): LogAbout {
  // What is under way counts from 0, what is done is a number of steps.
  const isUnderWay = event.event === 'assigned' || event.event === 'answered';
  const step = 'step' in event ? event.step + (isUnderWay ? 1 : 0) : undefined;
  const worker = 'worker' in event && event.worker !== null ? event.worker : undefined;
  return { step, worker };
}

function linesOf(event: RunEvent): readonly string[] {
  switch (event.event) {
    case 'start':
      return startLines(event);
    case 'worker':
      return [workerLine(event)];
    case 'assigned':
      return [
        [...event.shards].map(([worker, shards]) => `worker ${worker} has shards ${shards.join(' ')}`).join('; '),
      ];
    case 'answered':
      return [`worker ${event.worker} has computed a shard in ${event.computeSeconds.toFixed(3)} s`];
    case 'step':
      return [`loss ${formatLoss(event.loss)}, ${event.seconds.toFixed(3)} s`];
    case 'checkpoint':
      return [`checkpoint ${event.path}`];
    case 'rejected':
      return [rejectedLine(event)];
    case 'failure':
      return failureLines(event).slice(0, 1);
    case 'failed':
      return [`${event.detail}; ${event.hint}`];
    case 'mismatch':
    case 'notice':
    case 'warning':
      return [event.text];
    case 'sample':
      return ['a sample was taken'];
    case 'summary':
      return summaryLines(event).slice(0, 1);
    default:
      return eventLines(event);
  }
}
