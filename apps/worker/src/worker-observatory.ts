/**
 * What a worker tells whoever asks it: `/metrics`, `/healthz`, `/readyz`. Answered by the main thread, which is free
 * while the engine computes in its own.
 */
import { countAnswer, countVitals, MetricSet, plain, serveHttp } from '@lockstep/metrics';
import type { Answer, HttpServer } from '@lockstep/metrics';
import type { CoordinatorMessage, Times, Vitals, WorkerMessage } from '@lockstep/protocol';
import type { WorkerWatch } from '@lockstep/runtime';

export interface WorkerObservatoryOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly softwareVersion: string;
}

/** How this process fares, now. */
export function vitalsOf(metrics: string | null): Vitals {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, metrics };
}

export class WorkerObservatory implements WorkerWatch {
  readonly #metrics = new MetricSet('worker');
  readonly #options: WorkerObservatoryOptions;
  #server: HttpServer | undefined;
  /** Slot in the run; null before the first welcome. */
  #worker: number | null = null;
  #isReady = false;
  #vitals: Vitals | undefined;

  constructor(options: WorkerObservatoryOptions) {
    this.#options = options;
  }

  /**
   * Begins to answer.
   * @throws LockstepError `unavailable` when the address cannot be bound
   */
  async open(): Promise<void> {
    const { host, port } = this.#options;
    this.#server = await serveHttp({
      ...{ host, port },
      routes: {
        '/metrics': () => this.#scrape(),
        '/healthz': () => plain(200, 'ok\n'),
        '/readyz': () => (this.#isReady ? plain(200, 'ready\n') : plain(503, 'not ready: no run, or no engine yet\n')),
      },
    });
  }

  /** For people and scrapers; null until it is open. */
  get url(): string | null {
    return this.#server?.url ?? null;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  received(message: CoordinatorMessage): void {
    if (message.type === 'welcome') this.#joined(message.run, message.slot);
    if (message.type === 'stop') this.#isReady = false;
  }

  said(message: WorkerMessage, times: Times | undefined): void {
    if (message.type === 'hello') this.#isReady = false;
    if (message.type === 'ready') this.#isEquipped(message.engine, message.device);
    if (this.#worker !== null) countAnswer(this.#metrics, this.#worker, message, times);
  }

  #joined(run: string, worker: number): void {
    if (this.#worker === worker) return;
    if (this.#worker !== null) this.#metrics.removeWorker(this.#worker);
    this.#worker = worker;
    this.#vitals = undefined;
    this.#metrics.setRun(run);
    this.#metrics.addWorker(worker);
  }

  #isEquipped(engine: string, device: string): void {
    this.#isReady = true;
    const version = this.#options.softwareVersion;
    this.#metrics.set('build_info', { version, node: process.version, engine, device }, 1);
  }

  async #scrape(): Promise<Answer> {
    if (this.#worker !== null) {
      const vitals = vitalsOf(this.url);
      countVitals(this.#metrics, this.#worker, vitals, this.#vitals);
      this.#vitals = vitals;
    }
    return { status: 200, contentType: this.#metrics.contentType, body: await this.#metrics.text() };
  }
}
