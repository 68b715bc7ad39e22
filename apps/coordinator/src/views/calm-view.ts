/**
 * Keeps from people what they need not see each time: messages out of place that come by the dozen, and each stage
 * of a worker that comes back with the weights it had. Programs that read `--json` get all of it.
 */
import type { RunEvent, RunView } from '../train/events.js';
import { isOrdinary, rejectedLine } from './messages.js';
import { Repetitions, withCount } from './repetitions.js';

type WorkerEvent = Extract<RunEvent, { event: 'worker' }>;
type Rejected = Extract<RunEvent, { event: 'rejected' }>;

/** Processes kept in mind, so that one that comes back is known. */
const KNOWN_MAX = 10_000;

export class CalmView implements RunView {
  readonly #view: RunView;
  readonly #now: () => number;
  readonly #rejected: Repetitions<Rejected>;
  /** Name, process and machine of every worker that has joined. */
  readonly #known = new Set<string>();
  /** Those that are known and join again, by their number. */
  readonly #returning = new Map<number, string>();

  constructor(view: RunView, now: () => number = () => performance.now()) {
    this.#view = view;
    this.#now = now;
    this.#rejected = new Repetitions((event, heldBack) => {
      if (heldBack === 0) view.show(event);
      else view.show({ event: 'notice', text: withCount(rejectedLine(event), heldBack) });
    });
  }

  show(event: RunEvent): void {
    if (event.event === 'rejected') {
      const { worker, reason } = event;
      if (!isOrdinary(event)) this.#rejected.add(`${worker ?? 'stranger'} ${reason}`, event, this.#now());
      return;
    }
    this.#rejected.sweep(this.#now());
    if (event.event === 'summary') this.#rejected.end();
    if (event.event === 'worker') this.#worker(event);
    else this.#view.show(event);
  }

  close(): void {
    this.#rejected.end();
    this.#view.close();
  }

  #worker(event: WorkerEvent): void {
    const { worker, status, detail } = event;
    if (status === 'preparing' && this.#known.has(detail)) {
      this.#returning.set(worker, detail);
      return;
    }
    if (status === 'preparing' && this.#known.size < KNOWN_MAX) this.#known.add(detail);
    const returning = this.#returning.get(worker);
    if (returning !== undefined && status === 'waiting') return;
    this.#returning.delete(worker);
    this.#view.show(
      returning !== undefined && status === 'ready' ? { ...event, detail: `${returning}, again` } : event,
    );
  }
}
