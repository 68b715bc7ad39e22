/**
 * The page of one run: keeps its state up to date from what happened before and what happens now, and serves it
 * with the files that show it.
 */
import type { Answer, Route } from '@lockstep/metrics';
import { PageModel, stepRow } from '@lockstep/page';
import type { PageStatus, PageUpdate, StepRow } from '@lockstep/page';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CalmView } from '../views/calm-view.js';
import type { RunEvent } from '../train/events.js';
import { Feed } from './feed.js';
import { pageFiles } from './page-files.js';
import { updatesOf } from './updates-of.js';
import type { ToldEvent } from './updates-of.js';

/** Steps of a fast run are told together, this often. */
const STEPS_EVERY_MS = 250;
const STATUS_EVERY_MS = 1_000;
/** An update is told at once; so many steps between two that they are told before, too. */
const WAITING_STEPS_MAX = 1_000;

export interface LivePageOptions {
  /** Steps that were committed before. */
  readonly steps: Iterable<StepRow>;
  /** What happened before. */
  readonly past: Iterable<ToldEvent>;
  /** When the life of the coordinator before this one was seen last, and whether it was to come back. */
  readonly before?: { readonly aliveUntil: string; readonly isBack: boolean } | null;
  /** How the run stands at this moment. */
  readonly status: () => PageStatus;
  /** Steps that are committed at this moment. */
  readonly committed: () => number;
}

export class LivePage {
  /** By path; to be served as they are. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly #options: LivePageOptions;
  readonly #model = new PageModel();
  readonly #feed: Feed;
  readonly #calm: CalmView;
  /** What is being told: its time is that of the events the calm view lets through. */
  #now: Omit<ToldEvent, 'event'> = { at: '', committed: 0 };
  #waiting: StepRow[] = [];
  #stepsTimer: NodeJS.Timeout | undefined;
  readonly #statusTimer: NodeJS.Timeout;

  constructor(options: LivePageOptions) {
    this.#options = options;
    this.#feed = new Feed(randomUUID().slice(0, 8), () => JSON.stringify(this.#snapshot()));
    const show = (event: RunEvent): void => {
      for (const update of updatesOf({ ...this.#now, event })) this.#update(update);
    };
    this.#calm = new CalmView({ show, close: () => undefined }, () => Date.parse(this.#now.at));
    this.addSteps(options.steps);
    for (const record of options.past) this.tell(record);
    const { before = null } = options;
    if (before !== null) {
      const change = { at: before.aliveUntil, slot: null, name: null, state: before.isBack ? 'away' : 'ended' };
      this.#update({ type: 'member', change });
    }
    this.#statusTimer = setInterval(() => this.#tellStatus(), STATUS_EVERY_MS);
    this.#statusTimer.unref();
    this.routes = {
      ...pageFiles('live'),
      '/feed': (request: IncomingMessage, response: ServerResponse) => {
        this.#flush();
        return this.#feed.attach(request, response);
      },
      '/state.json': () => this.#stateAnswer(),
    };
  }

  /** An event of this moment. */
  show(event: RunEvent): void {
    if (isOfNoInterest(event)) return;
    this.tell({ at: new Date().toISOString(), committed: this.#options.committed(), event });
  }

  /** An event of a time of its own. */
  tell(record: ToldEvent): void {
    const { event, at, committed } = record;
    if (isOfNoInterest(event)) return;
    if (event.event === 'step') {
      this.addSteps([stepRow(event)]);
      return;
    }
    this.#now = { at, committed };
    this.#calm.show(event);
  }

  addSteps(rows: Iterable<StepRow>): void {
    for (const row of rows) {
      this.#waiting.push(row);
      if (this.#waiting.length >= WAITING_STEPS_MAX) this.#flush();
    }
    if (this.#waiting.length === 0 || this.#stepsTimer !== undefined) return;
    this.#stepsTimer = setTimeout(() => this.#flush(), STEPS_EVERY_MS);
    this.#stepsTimer.unref();
  }

  /** Ends what is open, everything told. */
  async close(): Promise<void> {
    clearInterval(this.#statusTimer);
    this.#flush();
    await this.#feed.close();
  }

  #flush(): void {
    clearTimeout(this.#stepsTimer);
    this.#stepsTimer = undefined;
    const rows = this.#waiting;
    if (rows.length === 0) return;
    this.#waiting = [];
    this.#tell({ type: 'steps', rows });
  }

  #update(update: PageUpdate): void {
    this.#flush();
    this.#tell(update);
  }

  #tell(update: PageUpdate): void {
    this.#model.apply(update);
    this.#feed.send(JSON.stringify(update));
  }

  #tellStatus(): void {
    if (!this.#feed.isWatched) return;
    const update: PageUpdate = { type: 'status', status: this.#options.status() };
    this.#feed.sendNow(JSON.stringify(update));
    this.#feed.beat();
  }

  #snapshot(): PageModel {
    this.#model.apply({ type: 'status', status: this.#options.status() });
    return this.#model;
  }

  #stateAnswer(): Answer {
    this.#flush();
    return {
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: `${JSON.stringify(this.#snapshot())}\n`,
    };
  }
}

/** Told several times a step. */
function isOfNoInterest({ event }: RunEvent): boolean {
  return event === 'assigned' || event === 'answered';
}
