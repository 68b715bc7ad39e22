/**
 * The metrics of one process, made from the catalogue. The only module that knows prom-client: its successor wants a
 * newer Node than we support, and is to take its place here and nowhere else.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { CATALOGUE, PREFIX } from './catalogue.js';
import type { MetricName } from './catalogue.js';
import type { LabelsOf, Metric, NamesOf } from './metric.js';
import { PendingSums } from './pending-sums.js';
import type { PlainLabels } from './pending-sums.js';

type Catalogued = typeof CATALOGUE;
type Labels<N extends MetricName> = LabelsOf<Catalogued[N]>;
type Collector = Counter | Gauge | Histogram;

/** Gauges of prom-client whose names say that they only grow. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export class MetricSet {
  readonly #registry = new Registry();
  readonly #collectors = new Map<MetricName, Collector>();
  readonly #pending = new PendingSums<MetricName>();
  /** Metrics with a series for each worker. */
  readonly #byWorker: readonly MetricName[];

  /** @param where whose metrics: those of the catalogue that this process has */
  constructor(where: Metric['on'][number]) {
    const wanted = entries().filter(([, { on }]) => on.includes(where));
    for (const [name, metric] of wanted) this.#collectors.set(name, this.#make(name, metric));
    this.#byWorker = wanted.filter(([, { labels }]) => 'worker' in labels).map(([name]) => name);
    for (const [name, metric] of wanted) if (!('worker' in metric.labels)) this.#createZeros(name, metric, {});
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  /** Says which run all series are about, once that is known. */
  setRun(run: string): void {
    this.#registry.setDefaultLabels({ run });
  }

  /** A worker has joined: its series begin with 0. */
  addWorker(worker: number): void {
    for (const name of this.#byWorker) this.#createZeros(name, CATALOGUE[name], { worker });
  }

  /** A worker has gone: its series end, for a value that stands still looks like one that lives. */
  removeWorker(worker: number): void {
    this.#settle();
    for (const name of this.#byWorker) {
      for (const labels of combinations(CATALOGUE[name])) this.#collector(name).remove({ ...labels, worker });
    }
  }

  /** @param by how much; not negative */
  add<N extends NamesOf<Catalogued, 'counter'>>(name: N, labels: Labels<N>, by = 1): void {
    if (!this.#collectors.has(name)) throw unknown(name);
    this.#pending.add(name, labels, by);
  }

  set<N extends NamesOf<Catalogued, 'gauge'>>(name: N, labels: Labels<N>, value: number): void {
    (this.#collector(name) as Gauge).set({ ...(labels as PlainLabels) }, value);
  }

  observe<N extends NamesOf<Catalogued, 'histogram'>>(name: N, labels: Labels<N>, value: number): void {
    (this.#collector(name) as Histogram).observe({ ...(labels as PlainLabels) }, value);
  }

  /** What a scrape is given: the text format of Prometheus. */
  async text(): Promise<string> {
    this.#settle();
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #make(name: MetricName, { type, labels, help, buckets = [] }: Metric): Collector {
    const about = { name: PREFIX + name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
    if (type === 'counter') return new Counter(about);
    return type === 'gauge' ? new Gauge(about) : new Histogram({ ...about, buckets: [...buckets] });
  }

  #collector(name: MetricName): Collector {
    const collector = this.#collectors.get(name);
    if (collector === undefined) throw unknown(name);
    return collector;
  }

  #settle(): void {
    this.#pending.drain((name, labels, total) => (this.#collector(name) as Counter).inc({ ...labels }, total));
  }

  /** A gauge that is 0 before anything was measured says what is not true: those begin when they are known. */
  #createZeros(name: MetricName, metric: Metric, fixed: PlainLabels): void {
    const collector = this.#collector(name);
    if (collector instanceof Gauge) return;
    for (const labels of combinations(metric)) {
      const all = { ...fixed, ...labels };
      if (collector instanceof Histogram) collector.zero(all);
      else collector.inc(all, 0);
    }
  }
}

const unknown = (name: MetricName): Error => new Error(`this process has no metric ${name}`);

const entries = (): [MetricName, Metric][] => Object.entries(CATALOGUE) as [MetricName, Metric][];

/** All values that the labels with known words can have together; none where a label has any text. */
function combinations({ labels }: Metric): readonly PlainLabels[] {
  let all: PlainLabels[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (values === 'text') return [];
    if (values === 'slot') continue;
    all = all.flatMap((some) => values.map((value) => ({ ...some, [label]: value })));
  }
  return all;
}
