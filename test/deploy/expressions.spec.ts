/** Dashboards and rules ask for nothing that does not exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { beforeAll, describe, expect, it } from 'vitest';
import { dashboardFiles } from '../../deploy/grafana/src/dashboards.js';
import { alerts, dashboardExpressions, dashboards, filledIn, GRAFANA, records, variableQueries } from './deployed.js';
import type { Placed } from './deployed.js';
import { knownSeries } from './known-series.js';
import type { Series } from './known-series.js';
import { readExpression } from './promql.js';
import type { Expression, Matcher } from './promql.js';

const WINDOWS = { rate: '15s', range: '1h' };
const OF_COUNTERS: ReadonlySet<string | null> = new Set(['rate', 'irate', 'increase']);

const expressions: readonly Placed[] = [
  ...dashboardExpressions.map(([where, text]): Placed => [where, filledIn(text, 'some-run', WINDOWS)]),
  ...variableQueries.map(([where, selector]): Placed => [where, filledIn(selector, 'some-run', WINDOWS)]),
  ...[...records, ...alerts].map(({ record, alert, expr }): Placed => [record ?? alert ?? '', expr]),
];

let known: ReadonlyMap<string, Series>;
beforeAll(async () => {
  known = await knownSeries();
});

/** What is wrong with an expression. */
function findings(text: string): readonly string[] {
  const expression = readExpression(text);
  return [...wrongSelectors(expression), ...wrongGroupings(expression)];
}

function wrongSelectors({ selectors }: Expression): readonly string[] {
  return selectors.flatMap(({ metric, matchers, rangeFunction }) => {
    const series = known.get(metric);
    if (series === undefined) return [`there is no metric ${metric}`];
    const isMisused = OF_COUNTERS.has(rangeFunction) && series.kind !== 'counter';
    const misuse = isMisused ? [`${rangeFunction} of ${metric}`] : [];
    return [...misuse, ...matchers.flatMap((matcher) => wrongMatcher(metric, series, matcher))];
  });
}

function wrongMatcher(metric: string, { labels }: Series, { label, operator, value }: Matcher): readonly string[] {
  const values = labels[label];
  if (values === undefined) return [`${metric} has no label ${label}`];
  if (values === null) return [];
  const isThere = operator === '=~' ? value.split('|').every((one) => values.includes(one)) : values.includes(value);
  return isThere ? [] : [`${metric} has no ${label} ${value}`];
}

function wrongGroupings({ groupings }: Expression): readonly string[] {
  return groupings.flatMap(({ labels, metrics }) => {
    const there = new Set(metrics.flatMap((metric) => Object.keys(known.get(metric)?.labels ?? {})));
    return labels.filter((label) => !there.has(label)).map((label) => `grouped by ${label}, which nothing there has`);
  });
}

describe('an expression', () => {
  it.each([
    ['sum by (run) (rate(lockstep_tokens_total[5m]))', []],
    ['lockstep_token_total', ['there is no metric lockstep_token_total']],
    ['lockstep_step_duration_seconds', ['there is no metric lockstep_step_duration_seconds']],
    ['lockstep_workers{shard="1"}', ['lockstep_workers has no label shard']],
    ['lockstep_workers{state="asleep"}', ['lockstep_workers has no state asleep']],
    ['lockstep_workers{state=~"ready|asleep"}', ['lockstep_workers has no state ready|asleep']],
    ['sum by (worker) (lockstep_steps_committed)', ['grouped by worker, which nothing there has']],
    ['rate(lockstep_steps_committed[5m])', ['rate of lockstep_steps_committed']],
    ['run:lockstep_tokens:rate5m{worker="1"}', ['run:lockstep_tokens:rate5m has no label worker']],
  ])('is judged: %s', (text, found) => {
    expect(findings(text)).toEqual(found);
  });

  it('that is no PromQL is refused', () => {
    expect(() => findings('sum(lockstep_workers')).toThrow('no PromQL');
  });

  it('stands in dashboards and rules, many of them', () => {
    expect(expressions.length).toBeGreaterThan(80);
  });

  it.each(expressions)('of %s asks for what is there', (_, text) => {
    expect(findings(text)).toEqual([]);
  });
});

describe('records', () => {
  it.each(records)('$record is named level:metric:operation', ({ record }) => {
    expect(record).toMatch(/^run(_[a-z]+)?:lockstep_[a-z_]+:[a-z0-9_]+$/);
  });
});

describe('dashboards', () => {
  const panels = dashboards.flatMap(({ file, panels: all }) =>
    all.filter(({ type }) => type !== 'row').map((panel) => ({ file, ...panel })),
  );
  const knownUnits = new Set<unknown>(Object.values(units));

  it('are what their sources make: npm run dashboards', () => {
    for (const [file, text] of Object.entries(dashboardFiles())) {
      expect(readFileSync(join(GRAFANA, 'dashboards', file), 'utf8') === text, file).toBe(true);
    }
    expect(dashboards.map(({ file }) => file).sort()).toEqual(Object.keys(dashboardFiles()).sort());
  });

  it.each(panels)('$file: "$title" says how to read it, and has a unit', ({ description, fieldConfig }) => {
    expect(description).toMatch(/^[0-9A-Z][^]{40,}\.$/);
    const unit = fieldConfig?.defaults?.unit ?? '';
    expect(knownUnits.has(unit) || /^(suffix|count):\s?\S/.test(unit), unit).toBe(true);
  });

  it.each(dashboards)('$file asks for data source, run and worker, and marks faults and checkpoints', (dashboard) => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'run', 'worker']);
    expect(dashboard.annotations.list.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Faults', 'Checkpoints']),
    );
  });
});
