/** Metrics that a Prometheus which scrapes lockstep has, with their labels. */
import { CATALOGUE, MetricSet, PREFIX } from '@lockstep/metrics';
import type { Metric } from '@lockstep/metrics';
import { records } from './deployed.js';

export interface Series {
  readonly kind: 'counter' | 'gauge' | 'histogram' | 'unknown';
  /** Values of each label; null where any may come. */
  readonly labels: Readonly<Record<string, readonly string[] | null>>;
}

/** On every series: two that Prometheus adds, and the run. */
const EVERYWHERE = { job: null, instance: null, run: null };

/** Every metric that can be asked for, by the name in an expression. */
export async function knownSeries(): Promise<ReadonlyMap<string, Series>> {
  const ofPrometheus = ['up', 'scrape_duration_seconds'].map((name): [string, Series] => [
    name,
    { kind: 'gauge', labels: { job: null, instance: null } },
  ]);
  return new Map([...ofPrometheus, ...catalogued(), ...(await ofProcesses()), ...recorded()]);
}

function catalogued(): [string, Series][] {
  return Object.entries<Metric>(CATALOGUE).flatMap(([name, { type, labels }]) => {
    const known = Object.entries(labels).map(([label, values]): [string, readonly string[] | null] => [
      label,
      typeof values === 'string' ? null : values,
    ]);
    const series: Series = { kind: type, labels: { ...EVERYWHERE, ...Object.fromEntries(known) } };
    if (type !== 'histogram') return [[PREFIX + name, series]];
    const bucket: Series = { kind: 'counter', labels: { ...series.labels, le: null } };
    const counter: Series = { ...series, kind: 'counter' };
    return [
      [`${PREFIX}${name}_bucket`, bucket],
      [`${PREFIX}${name}_sum`, counter],
      [`${PREFIX}${name}_count`, counter],
    ];
  });
}

/** `process_*` and `nodejs_*`, as this process would tell them. */
async function ofProcesses(): Promise<[string, Series][]> {
  const text = await new MetricSet('worker').text();
  return [...text.matchAll(/^# TYPE ((?:process|nodejs)_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [
    name,
    { kind: type === 'counter' || type === 'gauge' ? type : 'unknown', labels: EVERYWHERE },
  ]);
}

/** The level of a record, before its first colon, lists its labels. */
function recorded(): [string, Series][] {
  return records.map(({ record = '' }) => {
    const labels = record.slice(0, record.indexOf(':')).split('_');
    return [record, { kind: 'gauge', labels: Object.fromEntries(labels.map((label) => [label, null])) }];
  });
}
